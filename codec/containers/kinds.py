"""Recognize image files by their first bytes, whatever their name says.

Only the layout of a file is read here. Some kinds are stored byte for byte, others as they came.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

TIFF: Final = "image/tiff"
BMP: Final = "image/bmp"
GIF: Final = "image/gif"
PNM: Final = "image/x-portable-anymap"
PSD: Final = "image/vnd.adobe.photoshop"

SNIFFED: Final = 132
"""Leading bytes that identify any kind; DICOM names itself after a preamble of 128 bytes."""

_BMP_HEADERS: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})  # sizes of all versions
_TIFF_STARTS: Final = (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")
_CR2: Final = b"CR"  # at byte 8 of Canon's TIFF files
_HEIC: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_AVIF: Final = frozenset({b"avif", b"avis"})
_RAW_STARTS: Final = (
    *(b"IIRO", b"IIRS", b"MMOR", b"IIU\0"),  # Olympus, Panasonic
    *(b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR"),
)


def _is_bmp(head: bytes) -> bool:
    size = int.from_bytes(head[14:18], "little")
    return head.startswith(b"BM") and len(head) >= 18 and size in _BMP_HEADERS


def _is_pnm(head: bytes) -> bool:
    return head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3] in (b"\n", b"\r", b" ", b"\t")


def _is_tiff(head: bytes) -> bool:
    return head.startswith(_TIFF_STARTS) and head[8:10] != _CR2


def _is_psd(head: bytes) -> bool:
    return head.startswith((b"8BPS\0\1", b"8BPS\0\2"))


_TYPES: Final = MappingProxyType[str, Callable[[bytes], bool]](
    {
        TIFF: _is_tiff,
        BMP: _is_bmp,
        GIF: lambda head: head.startswith((b"GIF87a", b"GIF89a")),
        PNM: _is_pnm,
        PSD: _is_psd,
    }
)

WHOLE: Final = frozenset(_TYPES)
"""Media types of files that are stored only so that they come back byte for byte."""


def whole_type(head: bytes) -> str | None:
    """Return the media type of a file that is stored only byte for byte; None if it is another.

    Args:
        head: start of the file, ``SNIFFED`` bytes or more.
    """
    return next((mime for mime, matches in _TYPES.items() if matches(head)), None)


def named(head: bytes) -> str | None:
    """Return the name of a kind of image that is always stored as it came; None if it is another.

    Args:
        head: start of the file, ``SNIFFED`` bytes or more.
    """
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if brand in _HEIC:
        return "HEIC"
    if brand in _AVIF:
        return "AVIF"
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "JPEG XL"
    if head.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")):
        return "JPEG 2000"
    if head[128:132] == b"DICM":
        return "DICOM"
    is_cr2 = head.startswith(_TIFF_STARTS) and head[8:10] == _CR2
    return "RAW" if is_cr2 or brand == b"crx " or head.startswith(_RAW_STARTS) else None
