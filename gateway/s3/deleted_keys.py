"""The keys in the body of a DeleteObjects request, which comes from a client and may be hostile."""

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
"""Tags, and pieces of text between them: an object has up to five elements, one a line."""

_PIECE: Final = 1 << 14
"""Bytes that are parsed at a time. A tag that is not complete after two of them is refused."""


def deleted_keys(body: bytes) -> list[str]:
    """Read the keys; it takes time in proportion to the length, and memory to that of the keys.

    Args:
        body: As the client sent it.

    Returns:
        The keys, in order.

    Raises:
        ValueError: It is no XML, has a document type, or is larger, deeper or longer in any part
            than such a request can be.
    """
    if len(body) > MAX_BYTES:
        raise ValueError("more bytes than 1,000 keys need")
    keys = _Keys()
    parser = DefusedXMLParser(target=keys, forbid_dtd=True)
    try:
        for start in range(0, len(body), _PIECE):
            parser.feed(body[start : start + _PIECE])
            # Nothing is reported of a tag before its end, however many attributes it has.
            if start - parser.parser.CurrentByteIndex > _PIECE:
                raise ValueError("a tag is too long")
        parser.close()
    except (ParseError, LookupError) as error:  # LookupError: an encoding that Python has not
        raise ValueError("not well-formed") from error
    return keys.found


class _Keys:
    """Collect the texts of ``/Delete/Object/Key``, and count everything."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._path: list[str] = []
        self._text: list[str] = []
        self._text_length = 0
        self._events = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Enter an element."""
        self._count()
        self._path.append(tag.rpartition("}")[2])
        if len(self._path) > _MAX_DEPTH:
            raise ValueError("too deep")
        if len(attributes) > _MAX_ATTRIBUTES:
            raise ValueError("too many attributes")
        self._begin_text()

    def end(self, _: str) -> None:
        """Leave it."""
        self._count()
        if self._path == ["Delete", "Object", "Key"]:
            if len(self.found) >= MAX_KEYS:
                raise ValueError("too many keys")
            self.found.append("".join(self._text))
        self._path.pop()
        self._begin_text()

    def data(self, text: str) -> None:
        """Take a piece of a text."""
        self._count()
        self._text_length += len(text)
        if self._text_length > _MAX_TEXT:
            raise ValueError("a text is too long")
        self._text.append(text)

    def close(self) -> None:
        """Take the end of the document."""

    def _begin_text(self) -> None:
        self._text, self._text_length = [], 0

    def _count(self) -> None:
        self._events += 1
        if self._events > _MAX_EVENTS:
            raise ValueError("too many elements")
