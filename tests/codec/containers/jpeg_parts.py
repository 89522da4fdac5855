"""Pieces of JPEG files, to put files together that no encoder writes."""

from collections.abc import Callable
from typing import Final

from tests.codec.containers.samples import save

BARE: Final = save("RGB", "JPEG")
BODY: Final = BARE[20:]  # behind the JFIF segment
PROGRESSIVE: Final = save("RGB", "JPEG", progressive=True)
JFIF: Final = BARE[2:20]
XMP_HEAD: Final = b"http://ns.adobe.com/xap/1.0/\0"
XMP_MORE_HEAD: Final = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40)


def segment_of(marker: int, payload: bytes) -> bytes:
    """Build a marker segment."""
    return bytes([0xFF, marker]) + (2 + len(payload)).to_bytes(2, "big") + payload


def with_segments(*segments: bytes) -> bytes:
    """Return a file whose header starts with some segments."""
    return b"".join([b"\xff\xd8", *segments, BODY])


INDEX: Final = segment_of(0xE2, b"MPF\0II*\0\x08\0\0\0")
"""The index of a multi-picture file, without its entries."""


def icc_portion(number: int, count: int, portion: bytes = b"abc") -> bytes:
    """Build a segment with a portion of a colour profile."""
    return segment_of(0xE2, b"ICC_PROFILE\0" + bytes([number, count]) + portion)


def adobe(transform: int) -> bytes:
    """Build the segment that names the colour transform."""
    return segment_of(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


def patched(data: bytes, marker: int, change: Callable[[bytearray], None]) -> bytes:
    """Change the payload of the first segment with a marker, in place."""
    start = data.index(bytes([0xFF, marker])) + 4
    end = start - 2 + int.from_bytes(data[start - 2 : start], "big")
    payload = bytearray(data[start:end])
    change(payload)
    length = (2 + len(payload)).to_bytes(2, "big")
    return data[: start - 2] + length + bytes(payload) + data[end:]


def set_byte(index: int, value: int) -> Callable[[bytearray], None]:
    """Make a change of one byte, for ``patched``."""

    def change(payload: bytearray) -> None:
        payload[index] = value

    return change


def name_rgb(payload: bytearray) -> None:
    """Name the components R, G and B."""
    payload[6], payload[9], payload[12] = b"RGB"


SCAN: Final = BARE.index(b"\xff\xda")
GRAY_FRAME: Final = segment_of(0xC0, b"\x08\0\x08\0\x08\x01\x01\x11\0")
GRAY_SCAN: Final = segment_of(0xDA, b"\x01\x01\0\0\x3f\0")
