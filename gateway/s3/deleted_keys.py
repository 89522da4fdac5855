"""Read the keys of a DeleteObjects request, which is untrusted."""

from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import DefusedXMLParser

# Amazon S3 API reference, DeleteObjects: at most 1,000 keys, of at most 1,024 bytes each.
MAX_KEYS: Final = 1000
MAX_BYTES: Final = 2 << 20
_MAX_TEXT: Final = 1024

_MAX_DEPTH: Final = 4
_MAX_ATTRIBUTES: Final = 8
_MAX_EVENTS: Final = 32 * MAX_KEYS
"""Most tags and texts: an object has up to five elements, one per line."""

_PIECE: Final = 1 << 14
"""Bytes to parse at a time; a tag that spans more than two pieces is refused."""


def deleted_keys(body: bytes) -> list[str]:
    """Return the keys, in time linear in the body and memory linear in the keys.

    Args:
        body: Body as received.

    Returns:
        The keys, in order.

    Raises:
        ValueError: The body is not XML, has a document type, or exceeds a limit.
    """
    if len(body) > MAX_BYTES:
        raise ValueError(f"the body exceeds {MAX_BYTES} bytes")
    keys = _Keys()
    parser = DefusedXMLParser(target=keys, forbid_dtd=True)
    try:
        for start in range(0, len(body), _PIECE):
            parser.feed(body[start : start + _PIECE])
            # The parser reports a tag only at its end, however many attributes it has.
            if start - parser.parser.CurrentByteIndex > _PIECE:
                raise ValueError("a tag is too long")
        parser.close()
    except (ParseError, LookupError) as error:  # LookupError: unknown encoding
        raise ValueError("not well-formed") from error
    return keys.found


class _Keys:
    """Collect the texts of ``/Delete/Object/Key``, within limits."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._path: list[str] = []
        self._text: list[str] = []
        self._text_length = 0
        self._events = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        self._count()
        self._path.append(tag.rpartition("}")[2])
        if len(self._path) > _MAX_DEPTH:
            raise ValueError("too deep")
        if len(attributes) > _MAX_ATTRIBUTES:
            raise ValueError("too many attributes")
        self._begin_text()

    def end(self, _: str) -> None:
        """Handle the end of an element."""
        self._count()
        if self._path == ["Delete", "Object", "Key"]:
            if len(self.found) >= MAX_KEYS:
                raise ValueError("too many keys")
            self.found.append("".join(self._text))
        self._path.pop()
        self._begin_text()

    def data(self, text: str) -> None:
        """Handle a piece of text."""
        self._count()
        self._text_length += len(text)
        if self._text_length > _MAX_TEXT:
            raise ValueError("a text is too long")
        self._text.append(text)

    def close(self) -> None:
        """Handle the end of the document."""

    def _begin_text(self) -> None:
        self._text, self._text_length = [], 0

    def _count(self) -> None:
        self._events += 1
        if self._events > _MAX_EVENTS:
            raise ValueError("too many elements")
