"""Chunks of WebP files (RFC 9649, section 2), and the headers of both codecs."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from slimgate.codec.containers import chunks
from slimgate.codec.containers.errors import Unsupported

ICC_FLAG: Final = 0x20  # RFC 9649, figure 7
ALPHA_FLAG: Final = 0x10
EXIF_FLAG: Final = 0x08
XMP_FLAG: Final = 0x04
ANIMATION_FLAG: Final = 0x02

_MAX_CHUNKS: Final = 256  # a still picture has at most eight of known types


class Chunk(NamedTuple):
    """A chunk: its type, its start, the end of its data and of the chunk."""

    type: bytes
    start: int
    data_end: int
    end: int

    def payload(self, data: bytes) -> bytes:
        """Return the data without the padding byte."""
        return data[self.start + 8 : self.data_end]


class Still(NamedTuple):
    """Header of a coded picture; sizes in pixels."""

    width: int
    height: int
    alpha: bool


def walk(data: bytes, position: int = 0) -> Iterator[Chunk]:
    """Return all chunks up to the end of the bytes.

    Raises:
        Unsupported: a chunk is damaged, or there are too many.
    """
    too_many = Unsupported("too many chunks")
    return chunks.walk(data, position, _chunk, most=_MAX_CHUNKS, too_many=too_many)


def read_file(data: bytes) -> list[Chunk]:
    """Return the chunks of a file, checking its declared size.

    Raises:
        Unsupported: not a WebP file.
    """
    if declared_end(data) != len(data):
        raise Unsupported("stated size is not the size of the file")
    return list(walk(data, 12))


def declared_end(data: bytes) -> int:
    """Return the end of a file as its head declares it; more bytes may follow.

    Raises:
        Unsupported: not a WebP file, or cut off.
    """
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise Unsupported("no webp signature")
    end = 8 + int.from_bytes(data[4:8], "little")
    if not 12 <= end <= len(data) or end % 2:
        raise Unsupported("stated size is not the size of the file")
    return end


def make(kind: bytes, payload: bytes) -> bytes:
    """Return a chunk, with a padding byte if the payload is odd."""
    return kind + len(payload).to_bytes(4, "little") + payload + bytes(len(payload) % 2)


def make_file(chunks: bytes) -> bytes:
    """Return a file of chunks."""
    return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WEBP" + chunks


def extended_header(still: Still, flags: int) -> bytes:
    """Return the VP8X chunk of a picture that fills its canvas."""
    sides = (still.width - 1).to_bytes(3, "little") + (still.height - 1).to_bytes(3, "little")
    return make(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def read_extended_header(payload: bytes) -> tuple[int, int, int]:
    """Parse a VP8X chunk.

    Returns:
        Flags, and width and height of the canvas, pixels.

    Raises:
        Unsupported: another length, or reserved bits are set.
    """
    known = ICC_FLAG | ALPHA_FLAG | EXIF_FLAG | XMP_FLAG | ANIMATION_FLAG
    if len(payload) != 10 or payload[0] & ~known or any(payload[1:4]):
        raise Unsupported("malformed extended header")
    width = 1 + int.from_bytes(payload[4:7], "little")
    height = 1 + int.from_bytes(payload[7:10], "little")
    return payload[0], width, height


def read_lossy(payload: bytes) -> Still:
    """Parse the frame header of a VP8 chunk (RFC 6386, 9.1).

    Raises:
        Unsupported: not a visible key frame, or damaged.
    """
    tag = int.from_bytes(payload[:3], "little")
    if len(payload) < 10 or payload[3:6] != b"\x9d\x01\x2a":
        raise Unsupported("malformed lossy picture")
    if tag & 1 or (tag >> 1) & 7 > 3 or not tag & 0x10 or tag >> 5 > len(payload) - 10:
        raise Unsupported("malformed lossy picture")
    width = int.from_bytes(payload[6:8], "little") & 0x3FFF
    height = int.from_bytes(payload[8:10], "little") & 0x3FFF
    if not (width and height):
        raise Unsupported("width or height of 0")
    return Still(width, height, alpha=False)


def read_lossless(payload: bytes) -> Still:
    """Parse the header of a VP8L chunk (RFC 9649, 3.4).

    Raises:
        Unsupported: damaged, or of another version.
    """
    bits = int.from_bytes(payload[1:5], "little")
    if len(payload) < 6 or payload[0] != 0x2F or bits >> 29:
        raise Unsupported("malformed lossless picture")
    return Still(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), alpha=bool(bits >> 28 & 1))


def _chunk(data: bytes, start: int) -> Chunk:
    if start + 8 > len(data):
        raise Unsupported("chunk longer than the file")
    length = int.from_bytes(data[start + 4 : start + 8], "little")
    data_end = start + 8 + length
    end = data_end + length % 2
    if end > len(data):
        raise Unsupported("chunk longer than the file")
    if any(data[data_end:end]):
        raise Unsupported("padding byte is not 0")
    return Chunk(data[start : start + 4], start, data_end, end)
