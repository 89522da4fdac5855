"""Decompress the segments of files, and compress them again as their writers did.

Only coders that give the same bytes for the same input are listed. Which one wrote a segment is
found by trying.
"""

import io
import zlib
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from imagecodecs import (
    ccittfax3_decode,
    ccittfax4_decode,
    ccittrle_decode,
    deflate_decode,
    deflate_encode,
    lzw_decode,
    lzw_encode,
    packbits_decode,
    packbits_encode,
    zlibng_encode,
)
from PIL import Image

from slimgate.codec.containers import Unsupported, tiff
from slimgate.codec.recipes import gif_lzw
from slimgate.codec.recipes.plan import INTERLACED, Family, Layout

_PIECE: Final = 1 << 16  # bytes compressed between two comparisons
FAX: Final = MappingProxyType({2: "tiff_ccitt", 3: "group3", 4: "group4"})
_FAX_DECODERS: Final = MappingProxyType(
    {2: ccittrle_decode, 3: ccittfax3_decode, 4: ccittfax4_decode}
)
MAX_FAX_SIDE: Final = 65_535

REVERSED: Final = 16
"""Added to the variant of fax data whose bits are in reverse order (TIFF's FillOrder 2)."""

_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Coder(NamedTuple):
    """A coder with its parameters.

    Attributes:
        name: key of ``_ENCODERS``.
        level: level, or variant of a format.
        memory: zlib's ``memLevel``.
    """

    name: str
    level: int = 0
    memory: int = 0


NONE: Final = Coder("none")


def decode(stored: bytes, layout: Layout, *, rows: int, length: int) -> bytes | None:
    """Decompress a segment.

    Args:
        stored: bytes in the file, untrusted.
        layout: its layout.
        rows: its rows.
        length: expected bytes; no more are written.

    Returns:
        None if it is damaged.
    """
    try:
        return _DECODERS[layout.family](stored, layout, rows, length)
    except (RuntimeError, ValueError, OSError, Unsupported):
        return None


def encode(data: bytes, coder: Coder, layout: Layout, *, rows: int) -> bytes:
    """Compress a segment.

    Args:
        data: bytes of the segment.
        coder: coder to use.
        layout: its layout.
        rows: its rows.

    Raises:
        OSError, ValueError, RuntimeError: the coder cannot compress it.
    """
    return _ENCODERS[coder.name](data, coder, layout, rows)


def candidates(stored: bytes, family: Family) -> Iterator[Coder]:
    """Yield the coders that may have written a segment, most likely first."""
    if family != "deflate":
        yield from _CANDIDATES[family]
        return
    for memory in (8, 9):
        for level in _ZLIB_LEVELS[stored[1] >> 6 if len(stored) > 1 else 0]:
            yield Coder("zlib", level, memory)
    levels = _ALL_LEVELS if len(stored) < _SHORT else _LIKELY_LEVELS
    if len(stored) < _LONG:
        yield from (Coder("libdeflate", level) for level in levels)
        yield from (Coder("zlib-ng", level) for level in levels if level < _ZLIB_NG_END)


def gives(data: bytes, stored: bytes, coder: Coder, layout: Layout, *, rows: int) -> bool:
    """Return whether a coder compresses a segment to the bytes of the file."""
    if coder.name == "zlib":
        return _zlib_gives(data, stored, coder)
    try:
        return encode(data, coder, layout, rows=rows) == stored
    except (RuntimeError, ValueError, OSError):
        return False


_SHORT, _LONG = (
    1 << 20,
    1 << 24,
)  # these coders cannot be compared piece by piece, so trying is slow
_LIKELY_LEVELS: Final = (6, 1, 9)
_ALL_LEVELS: Final = (*_LIKELY_LEVELS, 12, 2, 3, 4, 5, 7, 8, 10, 11)
_ZLIB_NG_END: Final = 10
_ZLIB_LEVELS: Final = ((1,), (5, 4, 3, 2), (6,), (9, 8, 7))  # by FLEVEL, RFC 1950, 2.2
_CANDIDATES: Final[MappingProxyType[str, tuple[Coder, ...]]] = MappingProxyType(
    {
        "none": (NONE,),
        "lzw": (Coder("lzw of libtiff"), Coder("lzw of tifffile")),
        "packbits": (Coder("packbits of libtiff"), Coder("packbits of tifffile")),
        "fax": (Coder("fax"),),
        "gif": (Coder("gif"),),
    }
)


def _zlib_gives(data: bytes, stored: bytes, coder: Coder) -> bool:
    """Compare piece by piece, and stop at the first difference."""
    deflater, position = _deflater(coder), 0
    for start in range(0, len(data), _PIECE):
        piece = deflater.compress(data[start : start + _PIECE])
        if not stored.startswith(piece, position):
            return False
        position += len(piece)
    return stored[position:] == deflater.flush()


def _deflater(coder: Coder) -> "zlib._Compress":
    return zlib.compressobj(coder.level, zlib.DEFLATED, zlib.MAX_WBITS, coder.memory)


def _zlib(data: bytes, coder: Coder, _: Layout, __: int) -> bytes:
    deflater = _deflater(coder)
    return deflater.compress(data) + deflater.flush()


def _by_libtiff(data: bytes, layout: Layout, rows: int, compression: str) -> bytes:
    """Compress rows as a TIFF file of one strip, and return the strip."""
    bits = layout.family == "fax"
    width = layout.width if bits else len(data) // rows
    image = Image.frombytes("1" if bits else "L", (width, rows), data)
    file = io.BytesIO()
    image.save(file, "TIFF", compression=compression, tiffinfo={278: rows})
    page = tiff.parse(file.getvalue()).pages[0]
    start, size = page.number(273, 0), page.number(279, 0)
    if page.tags[273].size != 1:
        raise Unsupported("more than one strip")
    return file.getvalue()[start : start + size]


def _by_rows(data: bytes, rows: int) -> bytes:
    size = len(data) // rows
    lines = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(bytes(packbits_encode(line)) for line in lines)


def _fax(data: bytes, _: Coder, layout: Layout, rows: int) -> bytes:
    if not _is_fax(layout.width, rows, len(data)):
        raise ValueError("not the bytes of so many rows")
    stored = _by_libtiff(data, layout, rows, FAX[layout.variant & ~REVERSED])
    return stored.translate(_MIRRORED) if layout.variant & REVERSED else stored


def _is_fax(width: int, rows: int, length: int) -> bool:
    return 0 < width <= MAX_FAX_SIDE and rows * -(-width // 8) == length


def _gif(data: bytes, _: Coder, layout: Layout, __: int) -> bytes:
    limit, block = layout.width & 0xFFFF, layout.width >> 16
    return gif_lzw.encode(data, layout.variant & ~INTERLACED, limit, block)


_ENCODERS: Final[MappingProxyType[str, Callable[[bytes, Coder, Layout, int], bytes]]] = (
    MappingProxyType(
        {
            "none": lambda data, _, __, ___: data,
            "zlib": _zlib,
            "libdeflate": lambda data, coder, _, __: bytes(deflate_encode(data, coder.level)),
            "zlib-ng": lambda data, coder, _, __: bytes(zlibng_encode(data, coder.level)),
            "lzw of libtiff": lambda data, _, layout, rows: _by_libtiff(
                data, layout, rows, "tiff_lzw"
            ),
            "lzw of tifffile": lambda data, _, __, ___: bytes(lzw_encode(data)),
            "packbits of libtiff": lambda data, _, layout, rows: _by_libtiff(
                data, layout, rows, "packbits"
            ),
            "packbits of tifffile": lambda data, _, __, rows: _by_rows(data, rows),
            "fax": _fax,
            "gif": _gif,
        }
    )
)

NAMES: Final = tuple(_ENCODERS)
"""Names of all coders; recipes store their positions, so new ones go to the end."""


def _unfax(stored: bytes, layout: Layout, rows: int, length: int) -> bytes | None:
    width = layout.width
    if layout.variant & REVERSED:
        stored = stored.translate(_MIRRORED)
    if not _is_fax(width, rows, length):
        return None
    bits = _FAX_DECODERS[layout.variant & ~REVERSED](stored, height=rows, width=width)
    return np.packbits(bits.reshape(rows, width), axis=1).tobytes()


_DECODERS: Final[MappingProxyType[str, Callable[[bytes, Layout, int, int], bytes | None]]] = (
    MappingProxyType(
        {
            "none": lambda stored, _, __, ___: stored,
            "deflate": lambda stored, _, __, length: _inflated(stored, length),
            "lzw": lambda stored, _, __, length: bytes(lzw_decode(stored, out=length)),
            "packbits": lambda stored, _, __, length: bytes(packbits_decode(stored, out=length)),
            "fax": _unfax,
            "gif": lambda stored, _, __, length: gif_lzw.decode(stored, length),
        }
    )
)


def _inflated(stored: bytes, length: int) -> bytes:
    return bytes(deflate_decode(stored, out=length))
