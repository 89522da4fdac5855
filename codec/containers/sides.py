"""Read width and height of files that are stored only byte for byte."""

import re
import struct
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from slimgate.codec.containers import kinds, tiff
from slimgate.codec.containers.errors import Unsupported

_GAP: Final = rb"(?:\s|#[^\n\r]*[\n\r])+"  # white space and comments
_PNM: Final = re.compile(rb"P[1-6]" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})\s")
_PAM: Final = re.compile(rb"^(WIDTH|HEIGHT)[ \t]+(\d{1,9})\s*$", re.MULTILINE)
_PNM_HEAD: Final = 4096
_WINDOWS: Final = 16  # a shorter BMP header is that of OS/2 1.x


def read(data: bytes, mime: str) -> tuple[int, int]:
    """Return width and height of the largest picture of a file, pixels.

    Args:
        data: file of a type in :data:`slimgate.codec.containers.kinds.WHOLE`.
        mime: its type.

    Raises:
        Unsupported: the header is damaged.
    """
    try:
        width, height = _READERS[mime](data)
    except struct.error as error:
        raise Unsupported("header cut off") from error
    if not (width and height):
        raise Unsupported("width or height of 0")
    return width, height


def _bmp(data: bytes) -> tuple[int, int]:
    if int.from_bytes(data[14:18], "little") < _WINDOWS:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _psd(data: bytes) -> tuple[int, int]:
    height, width = struct.unpack_from(">II", data, 14)
    return width, height


def _pnm(data: bytes) -> tuple[int, int]:
    head = data[:_PNM_HEAD]
    if head.startswith(b"P7"):
        sides = dict(_PAM.findall(head.partition(b"ENDHDR")[0]))
        return int(sides.get(b"WIDTH", 0)), int(sides.get(b"HEIGHT", 0))
    match = _PNM.match(head)
    if match is None:
        raise Unsupported("no width and height in a PNM header")
    return int(match[1]), int(match[2])


def end_of_pnm_size(data: bytes) -> int:
    """Return the position after width and height in the header of a PNM file.

    Raises:
        Unsupported: the header is damaged.
    """
    match = _PNM.match(data[:_PNM_HEAD])
    if match is None:
        raise Unsupported("no width and height in a PNM header")
    return match.end() - 1


_READERS: Final = MappingProxyType[str, Callable[[bytes], tuple[int, int]]](
    {
        kinds.BMP: _bmp,
        kinds.GIF: _gif,
        kinds.PNM: _pnm,
        kinds.PSD: _psd,
        kinds.TIFF: lambda data: tiff.parse(data).size,
    }
)
