"""Parse the Range header as S3 does: one byte range, or the whole object.

Source: RFC 9110, section 14; Amazon S3 API reference, GetObject (one range per request).
"""

from dataclasses import dataclass
from typing import Final

from slimgate.gateway.s3.errors import S3Error

# "bytes=-" and two positions of 20 digits are 47 characters; no object has longer ones.
_MAX_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open byte range within an object.

    Attributes:
        start: First byte.
        stop: One past the last byte.
    """

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Return the number of bytes, at least one."""
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """Return the Content-Range header.

        Args:
            size: Size of the whole object, bytes.
        """
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse(value: str | None, size: int) -> Range | None:
    """Return the requested byte range.

    Args:
        value: Range header; None if absent.
        size: Size of the whole object, bytes.

    Returns:
        The range, clipped to the object, or None to serve the whole object with status 200: no
            header, several ranges, another unit, or invalid syntax.

    Raises:
        S3Error: ``InvalidRange`` if the range lies outside the object.
    """
    bounds = _bounds(value)
    if bounds is None:
        return None
    first, last = bounds
    if first is None:
        start, stop = size - min(last or 0, size), size
    else:
        start, stop = first, size if last is None else min(last + 1, size)
    if start >= size:
        raise S3Error("InvalidRange")
    return Range(start, stop)


def _bounds(value: str | None) -> tuple[int | None, int | None] | None:
    """Return first and last position, each None if omitted; None if the header is to be ignored."""
    if value is None or len(value) > _MAX_CHARS:
        return None
    unit, _, positions = value.strip(" \t").partition("=")
    first_text, dash, last_text = positions.partition("-")
    if unit.lower() != "bytes" or not dash or not (first_text or last_text):
        return None
    if not all(_is_number(text) for text in (first_text, last_text) if text):
        return None
    first = int(first_text) if first_text else None
    last = int(last_text) if last_text else None
    if first is not None and last is not None and last < first:
        return None
    return first, last


def _is_number(text: str) -> bool:
    # isdigit alone accepts digits of other scripts and superscripts.
    return text.isascii() and text.isdigit()
