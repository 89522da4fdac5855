"""Split any PNG file into its image data and what surrounds them, which stays verbatim.

Unlike :mod:`slimgate.codec.containers.png`, this accepts every colour type, depth and interlacing,
and whatever is beside the image data: chunks of any kind, in any order, with any checksum, and
bytes behind the end.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from slimgate.codec.containers import png_chunks
from slimgate.codec.containers.errors import DoesNotFit, Unsupported
from slimgate.codec.containers.header import check_metadata_size, check_tail_size
from slimgate.codec.containers.png_chunks import DROPPED, PADDING, SIGNATURE, make, walk_any

_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # table 9: samples of a pixel, by colour type
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_MAX_SIDE: Final = (1 << 31) - 1
_HEADER: Final = len(SIGNATURE) + 25
_EMPTY_CHUNK: Final = 12

# Table in 8.2: first column, first row, and steps of both.
_ADAM7: Final = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip


class Pass(NamedTuple):
    """Pixels that are coded together: first column and row, and steps of both."""

    left: int
    top: int
    across: int
    down: int


class Header(NamedTuple):
    """The image header (11.2.1).

    Attributes:
        width: width, pixels.
        height: height, pixels.
        depth: bits of a sample: 1, 2, 4, 8 or 16.
        colour: colour type.
        interlaced: in seven passes (Adam7).
    """

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @classmethod
    def loads(cls, payload: bytes) -> Self:
        """Parse the data of an IHDR chunk.

        Raises:
            Unsupported: invalid.
        """
        if len(payload) != 13:
            raise Unsupported("no image header at the start")
        width, height = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
        if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE):
            raise Unsupported("width or height out of range")
        depth, colour, compression, filters, interlace = payload[8:]
        if depth not in _DEPTHS.get(colour, ()) or compression or filters or interlace > 1:
            raise Unsupported("unknown colour type, depth or method")
        return cls(width, height, depth, colour, interlaced=bool(interlace))

    def dumps(self) -> bytes:
        """Return the data of an IHDR chunk."""
        sides = self.width.to_bytes(4, "big") + self.height.to_bytes(4, "big")
        return sides + bytes([self.depth, self.colour, 0, 0, self.interlaced])

    @property
    def samples(self) -> int:
        """Return the samples of a pixel; 1 for a palette."""
        return _SAMPLES[self.colour]

    @property
    def step(self) -> int:
        """Return the distance of bytes that filters compare (9.2)."""
        return max(1, self.samples * self.depth // 8)

    def row_bytes(self, width: int) -> int:
        """Return the bytes of a row of that many pixels, without filter type."""
        return -(-width * self.samples * self.depth // 8)

    def passes(self) -> list[Pass]:
        """Return the passes that contain pixels."""
        if not self.interlaced:
            return [Pass(0, 0, 1, 1)]
        every = (Pass(*numbers) for numbers in _ADAM7)
        return [each for each in every if each.left < self.width and each.top < self.height]


@dataclass(frozen=True, slots=True)
class Parts:
    """A PNG file in parts.

    Attributes:
        header: image header.
        before: bytes between image header and image data.
        data: contents of the IDAT chunks.
        after: bytes behind the image data, up to the last one.
    """

    header: Header
    before: bytes
    data: tuple[bytes, ...]
    after: bytes


def split(data: bytes) -> Parts:
    """Split a PNG file.

    Raises:
        Unsupported: header or image data are damaged, or too much surrounds them.
    """
    header = _header(data)
    start = end = _first_data(data)
    parts: list[bytes] = []
    while data[end + 4 : end + 8] == b"IDAT":
        if len(parts) == png_chunks.MAX_CHUNKS:
            raise Unsupported("too many chunks")
        chunk = png_chunks.read(data, end)
        parts.append(chunk.payload(data))
        end = chunk.end
    check_metadata_size(start - _HEADER)
    check_tail_size(len(data) - end)
    return Parts(header, data[_HEADER:start], tuple(parts), data[end:])


def pixels(data: bytes) -> int:
    """Return the pixels of a PNG file by its header.

    Raises:
        Unsupported: the header is damaged.
    """
    header = _header(data)
    return header.width * header.height


def join(parts: Parts, size: int) -> bytes:
    """Return a file of parts, padded to a size behind the image data.

    Raises:
        DoesNotFit: the file is too long, or 1 to 11 bytes too short.
    """
    head = SIGNATURE + make(b"IHDR", parts.header.dumps())
    pieces = [head, parts.before, *(make(b"IDAT", part) for part in parts.data)]
    gap = size - sum(map(len, pieces)) - len(parts.after)
    if gap < 0:
        raise DoesNotFit(f"{-gap} bytes too long")
    if 0 < gap < _EMPTY_CHUNK:
        raise DoesNotFit(f"a gap of {gap} bytes cannot be padded")
    if gap:
        pieces.append(make(PADDING, bytes(gap - _EMPTY_CHUNK)))
    return b"".join([*pieces, parts.after])


def without_index(before: bytes) -> bytes:
    """Return the bytes before the image data without an index of these."""
    kept = (chunk for chunk in walk_any(before) if chunk.type not in DROPPED)
    return b"".join(before[chunk.start : chunk.end] for chunk in kept)


def palette(before: bytes) -> bytes:
    """Return the colours of the palette, three bytes each; empty if there is none."""
    found = next((chunk for chunk in walk_any(before) if chunk.type == b"PLTE"), None)
    return b"" if found is None else found.payload(before)


def chunk_types(parts: Parts) -> set[bytes]:
    """Return the types of the chunks around the image data, up to the end of the image."""
    return {c.type for c in walk_any(parts.before)} | {c.type for c in walk_any(parts.after)}


def _header(data: bytes) -> Header:
    if not data.startswith(SIGNATURE):
        raise Unsupported("no png signature")
    first = png_chunks.read(data, len(SIGNATURE))
    if first.type != b"IHDR":
        raise Unsupported("no image header at the start")
    return Header.loads(first.payload(data))


def _first_data(data: bytes) -> int:
    """Return the start of the first IDAT chunk.

    Raises:
        Unsupported: there is none, or too many chunks precede it.
    """
    for chunk in walk_any(data, _HEADER, until=b"IDAT"):
        if chunk.type == b"IDAT":
            return chunk.start
    raise Unsupported("no image data")
