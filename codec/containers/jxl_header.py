"""Parse the header of a JPEG XL file, to know its decoded size before decoding (ISO/IEC 18181).

Only files that slimgate writes are accepted: gray or RGB stills of 8 or 16 bits, with or without
alpha, without preview. Others could decode to more than their manifest says.
"""

from typing import Final, NamedTuple

from slimgate.codec.containers.bits import Bits
from slimgate.codec.containers.bmff import boxes
from slimgate.codec.containers.errors import Malformed

_SIGNATURE: Final = b"\xff\x0a"  # 18181-1, D.1
_ENOUGH: Final = 64  # bytes: far more than the header needs
_RATIOS: Final = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # table D.3
_SIDE: Final = ((1, 9), (1, 13), (1, 18), (1, 30))  # D.2
_ENUM: Final = ((0, 0), (1, 0), (2, 4), (18, 6))
_BIT_DEPTH: Final = ((8, 0), (10, 0), (12, 0), (1, 6))
_EXTRA_CHANNELS: Final = ((0, 0), (1, 0), (2, 4), (1, 12))
_SHIFT: Final = ((0, 0), (3, 0), (4, 0), (1, 3))
_NAME: Final = ((0, 0), (0, 4), (16, 5), (48, 10))
_ALPHA: Final = 0
_RGB: Final = 0
_GRAY: Final = 1


class Header(NamedTuple):
    """Decoded width and height, pixels, before orientation; channels, and bits of each."""

    width: int
    height: int
    channels: int
    depth: int = 8

    def __str__(self) -> str:
        deep = f" of {self.depth} bits" if self.depth != 8 else ""
        return f"{self.channels} channels{deep} {self.width}x{self.height}"


def read(data: bytes) -> Header:
    """Parse the header of a file with pixels.

    Raises:
        Malformed: not a JPEG XL file, or not of the kind that slimgate writes.
    """
    bits = _codestream(data)
    width, height = _size(bits)
    if bits.take(1):  # all fields have defaults: 8-bit RGB
        return Header(width, height, 3)
    if bits.take(1):
        raise Malformed("turned, animated, or with a preview")
    depth = _depth(bits)
    bits.take(1)  # whether 16-bit buffers suffice
    alpha = _alpha(bits, depth)
    bits.take(1)  # whether colours are XYB
    return Header(width, height, _colours(bits) + alpha, depth)


def read_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels, whatever else the file contains.

    Raises:
        Malformed: not a JPEG XL file.
    """
    return _size(_codestream(data))


def _codestream(data: bytes) -> Bits:
    parts, length = [], 0
    for box in boxes(data):
        # A partial codestream starts with its number (18181-2, 9.9).
        start = box.body + {b"jxlc": 0, b"jxlp": 4}.get(box.type, _ENOUGH)
        if box.type in (b"jxlc", b"jxlp") and length < _ENOUGH:
            parts.append(data[start : min(box.end, start + _ENOUGH)])
            length += len(parts[-1])
    stream = b"".join(parts)
    if not stream.startswith(_SIGNATURE):
        raise Malformed("no JPEG XL codestream")
    return Bits(stream[len(_SIGNATURE) :])


def _size(bits: Bits) -> tuple[int, int]:
    small = bits.take(1)
    height = 8 * (1 + bits.take(5)) if small else bits.choice(*_SIDE)
    ratio = bits.take(3)
    if ratio:
        over, under = _RATIOS[ratio - 1]
        return height * over // under, height
    return 8 * (1 + bits.take(5)) if small else bits.choice(*_SIDE), height


def _depth(bits: Bits) -> int:
    if bits.take(1):
        raise Malformed("samples are not integers")
    depth = bits.choice(*_BIT_DEPTH)
    if depth not in (8, 16):
        raise Malformed("sample depth is neither 8 nor 16 bits")
    return depth


def _alpha(bits: Bits, depth: int) -> int:
    """Return the number of extra channels; only an alpha of the same depth is accepted."""
    count = bits.choice(*_EXTRA_CHANNELS)
    if count > 1:
        raise Malformed("more than one extra channel")
    if not count:
        return 0
    plain = bits.take(1) or (bits.choice(*_ENUM) == _ALPHA and _depth(bits) == depth == 16)
    if not plain or (depth == 16 and _is_odd(bits)):
        raise Malformed("extra channel that is no plain alpha")
    return count


def _is_odd(bits: Bits) -> bool:
    """Return whether an alpha is subsampled, named or premultiplied."""
    return any((bits.choice(*_SHIFT), bits.choice(*_NAME), bits.take(1)))


def _colours(bits: Bits) -> int:
    if bits.take(1):
        return 3
    bits.take(1)  # whether a profile follows
    space = bits.choice(*_ENUM)
    if space not in (_RGB, _GRAY):
        raise Malformed("neither gray nor rgb")
    return 1 if space == _GRAY else 3
