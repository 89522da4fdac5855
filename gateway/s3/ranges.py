"""Read the Range header as S3 does: one range of bytes, or the whole object.

Source: RFC 9110, section 14; Amazon S3 API reference, GetObject (one range for each request).
"""

from dataclasses import dataclass
from typing import Final

from gateway.s3.errors import S3Error

# Two positions of 20 digits and "bytes=-" are 47 characters; no object has longer positions.
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open range of bytes that lies wholly within an object.

    Attributes:
        start: First byte.
        stop: One behind the last byte.
    """

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Give the number of bytes, at least one."""
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """Write the Content-Range header.

        Args:
            size: Size of the whole object in bytes.
        """
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse(value: str | None, size: int) -> Range | None:
    """Find out which bytes of an object are asked for.

    Args:
        value: The Range header; None when there is none.
        size: Size of the whole object in bytes.

    Returns:
        The range, clipped at the end of the object, or None when the whole object is to be served
        with status 200: no header, several ranges, another unit, or no valid syntax.

    Raises:
        S3Error: ``InvalidRange`` when no byte of the object lies in the range.
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
    """Read first and last position; None stands for one left out, or for the whole in vain."""
    if value is None or len(value) > _LONGEST:
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
    # isdigit alone is also true for digits of other scripts and for superscripts.
    return text.isascii() and text.isdigit()
