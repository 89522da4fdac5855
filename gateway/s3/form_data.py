"""Parse a ``multipart/form-data`` body: its fields, and where its file is.

The body may go to the store undecoded. The store may use another parser, so anything that two
parsers could read differently is refused.

Sources: RFC 7578, RFC 2046 section 5.1.1; Amazon S3 API reference, "POST Object".
"""

import re
from collections.abc import Callable
from typing import Final

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.form_part import Part, read_part

MAX_FIELD_BYTES: Final = 1 << 16
"""Most bytes of a form without its file; S3 accepts 20,000 bytes before the file."""

_MAX_PART_HEAD: Final = 1 << 13
_BLOCK: Final = 1 << 16
_MAX_PARTS: Final = 256
_CRLF: Final = b"\r\n"
_DELIMITER_ENDINGS: Final = b" \t\r\n-"

# RFC 2046: up to 70 characters; some clients omit the quotes that non-token characters require.
_BOUNDARY: Final = re.compile(
    r"multipart/form-data\s*;\s*(?:charset=[\w-]+\s*;\s*)?"
    r"boundary=(?:\"([\w'()+,./:=?-]{1,70})\"|([\w'()+./:=?-]{1,70}))\s*(?:;\s*charset=[\w-]+\s*)?",
    re.ASCII | re.IGNORECASE,
)


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a form.

    Raises:
        S3Error: MalformedPOSTRequest unless all parsers agree on it.
    """
    found = _BOUNDARY.fullmatch(content_type.strip())
    if found is None:
        raise S3Error("MalformedPOSTRequest", "The boundary of the form is missing or malformed.")
    return (found[1] or found[2]).encode()


class FormParser:
    """Follow a form in pieces of any size, and refuse what must not reach the store.

    Args:
        boundary: From :func:`boundary_of`.
        take: Receives the content of the file in pieces; None: it is skipped.

    Attributes:
        fields: Names (lower case) and values of the fields before the file: S3 ignores later ones.
        files: Number of file parts that have begun.
        filename: Name of the first file; empty if there is none, or parsers could disagree on it.
    """

    def __init__(self, boundary: bytes, take: Callable[[bytes], None] | None = None) -> None:
        self._delimiter = b"--" + boundary
        self._at_line_start = re.compile(rb"[\r\n]" + re.escape(self._delimiter))
        self._held = b""
        self._step: Callable[[], bool] = self._opening
        self._field_bytes = 0
        self._parts = 0
        self._part = Part(b"", b"")
        self._value = bytearray()
        self._take = take
        self.fields: list[tuple[bytes, bytes]] = []
        self.files = 0
        self.filename = b""

    @property
    def in_file(self) -> bool:
        """Return whether the file part has begun."""
        return self.files > 0

    def feed(self, piece: bytes) -> None:
        """Parse the next piece.

        Raises:
            S3Error: MalformedPOSTRequest, MaxPostPreDataLengthExceededError, or InvalidRequest for
                a reserved field name.
        """
        # Each step copies the rest of the buffer, so a large piece is parsed in blocks.
        for at in range(0, len(piece), _BLOCK):
            self._held += piece[at : at + _BLOCK]
            while self._step():
                pass

    def finish(self) -> None:
        """Check that the form is complete.

        Raises:
            S3Error: MalformedPOSTRequest if it is not.
        """
        if self._step != self._epilogue:
            raise S3Error("MalformedPOSTRequest")

    def _opening(self) -> bool:
        """Parse the first delimiter; nothing may precede it."""
        if len(self._held) < len(self._delimiter):
            return False
        if not self._held.startswith(self._delimiter):
            raise S3Error("MalformedPOSTRequest")
        return self._advance(len(self._delimiter), self._after_delimiter)

    def _after_delimiter(self) -> bool:
        """Parse a line end, which starts a part, or the two dashes of the last delimiter."""
        if len(self._held) < len(_CRLF):
            return False
        behind = self._held[: len(_CRLF)]
        if behind == b"--":
            return self._advance(len(behind), self._epilogue)
        if behind != _CRLF:
            raise S3Error("MalformedPOSTRequest")
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise S3Error("MalformedPOSTRequest", f"The form has more than {_MAX_PARTS} parts.")
        return self._advance(len(behind), self._head)

    def _head(self) -> bool:
        """Parse the headers of a part."""
        end = self._held.find(_CRLF * 2)
        if max(end, len(self._held) if end < 0 else 0) > _MAX_PART_HEAD:
            raise S3Error("MaxPostPreDataLengthExceededError")
        if end < 0:
            return False
        self._part = read_part(self._held[:end])
        if self._part.is_file:
            self.filename = self.filename if self.files else self._part.filename
            self.files += 1
        self._value.clear()
        self._count(end)
        return self._advance(end + 2 * len(_CRLF), self._content_start)

    def _content_start(self) -> bool:
        """Refuse a delimiter directly after the headers, without its own line end."""
        length = len(self._delimiter)
        if len(self._held) <= length:
            return False
        if self._held.startswith(self._delimiter) and self._held[length] in _DELIMITER_ENDINGS:
            raise S3Error("MalformedPOSTRequest")
        return self._advance(0, self._content)

    def _content(self) -> bool:
        """Find the next delimiter, and refuse anything that some parser could take for one."""
        found = self._at_line_start.search(self._held)
        if found is None:
            # Keep the possible start of a delimiter and its line end.
            self._skip(max(0, len(self._held) - len(self._delimiter) - 1))
            return False
        end = found.start() + 1
        if self._held[max(0, end - 2) : end] != _CRLF:
            raise S3Error("MalformedPOSTRequest")
        self._skip(end - len(_CRLF))
        if not self.files:
            self.fields.append((self._part.name, bytes(self._value)))
        return self._advance(len(_CRLF) + len(self._delimiter), self._after_delimiter)

    def _epilogue(self) -> bool:
        """Refuse further delimiters after the last one."""
        if self._delimiter in self._held:
            raise S3Error("MalformedPOSTRequest")
        self._held = self._held[1 - len(self._delimiter) :]
        return False

    def _skip(self, count: int) -> None:
        if not self._part.is_file:
            self._count(count)
        if not self.files:
            self._value.extend(self._held[:count])
        elif self._part.is_file and self._take is not None:
            self._take(self._held[:count])
        self._held = self._held[count:]

    def _count(self, count: int) -> None:
        self._field_bytes += count
        if self._field_bytes > MAX_FIELD_BYTES:
            raise S3Error("MaxPostPreDataLengthExceededError")

    def _advance(self, count: int, step: Callable[[], bool]) -> bool:
        self._held = self._held[count:]
        self._step = step
        return True
