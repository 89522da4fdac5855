"""Chunks of PNG files, and the rules of their order (PNG, third edition, 5)."""

import zlib
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from slimgate.codec.containers import chunks
from slimgate.codec.containers.errors import Unsupported

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PADDING: Final = b"slGa"
"""slimgate's chunk: ancillary, private, safe to copy (5.4); its data are zeros."""

MAX_CHUNKS: Final = 1 << 16
"""Maximum number of chunks: 64 MiB in IDAT chunks of 8 KiB are 8,192."""

_MAX_ICC: Final = 4 << 20
_MAX_LENGTH: Final = (1 << 31) - 1
_EMPTY: Final = 12  # bytes of a chunk without data
_LOWER: Final = 0x20  # the bit that makes an ASCII letter lower case

_BEFORE_DATA: Final = frozenset(
    b"cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs sPLT oFFs pCAL sCAL".split()
)
_ANYWHERE: Final = frozenset(b"tIME tEXt zTXt iTXt eXIf".split())
DROPPED: Final = frozenset([b"iDOT"])
"""Apple's index for parallel decoding of image data: unsafe to copy, so it must be dropped when
image data changes (5.4)."""

_ON_PIXELS: Final = _BEFORE_DATA | frozenset(b"PLTE IEND tRNS hIST sTER acTL fcTL fdAT".split())
"""Chunks that depend on pixels or palette at most, not on how these are coded."""

_REPEATED: Final = frozenset(b"sPLT tEXt zTXt iTXt".split())
_REASONS: Final = {
    b"PLTE": "palette",
    b"tRNS": "transparent colour",
    b"acTL": "animation",
    b"fcTL": "animation",
    b"fdAT": "animation",
}


class Chunk(NamedTuple):
    """A chunk: its type, and its start and end in the file."""

    type: bytes
    start: int
    end: int

    def payload(self, data: bytes) -> bytes:
        """Return the bytes between type and CRC."""
        return data[self.start + 8 : self.end - 4]


def walk(data: bytes, position: int = 0) -> Iterator[Chunk]:
    """Return all chunks up to the end of the bytes, verifying their CRC.

    Raises:
        Unsupported: a chunk is damaged, or there are too many.
    """
    too_many = Unsupported("too many chunks")
    return chunks.walk(data, position, read, most=MAX_CHUNKS, too_many=too_many)


def walk_any(data: bytes, position: int = 0, until: bytes = b"IEND") -> list[Chunk]:
    """Return chunks up to one of a type, or up to damage; checksums do not matter."""
    found: list[Chunk] = []
    while len(found) < MAX_CHUNKS and position + _EMPTY <= len(data):
        end = position + _EMPTY + int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        if end > len(data) or not kind.isalpha():
            break
        found.append(Chunk(kind, position, end))
        if kind == until:
            break
        position = end
    return found


def read(data: bytes, start: int) -> Chunk:
    """Return the chunk that starts at a position, verifying its CRC.

    Raises:
        Unsupported: the chunk is damaged.
    """
    length = int.from_bytes(data[start : start + 4], "big")
    end = start + 12 + length
    if length > _MAX_LENGTH or end > len(data):
        raise Unsupported("chunk longer than the file")
    kind = data[start + 4 : start + 8]
    if not kind.isalpha():  # for bytes, only ASCII letters
        raise Unsupported("chunk type is not four letters")
    if zlib.crc32(memoryview(data)[start + 4 : end - 4]) != int.from_bytes(
        data[end - 4 : end], "big"
    ):
        raise Unsupported("chunk with a wrong checksum")
    return Chunk(kind, start, end)


def make(kind: bytes, payload: bytes) -> bytes:
    """Return a chunk of a four-letter type."""
    body = kind + payload
    return len(payload).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def check_ancillary(chunks: list[Chunk], *, before_data: bool) -> None:
    """Refuse chunks that may depend on the pixels, or are out of place.

    Args:
        chunks: all chunks on one side of the image data.
        before_data: whether they precede the image data.

    Raises:
        Unsupported: such a chunk was found.
    """
    for chunk in chunks:
        if chunk.type in _REASONS:
            raise Unsupported(_REASONS[chunk.type])
        if not chunk.type[0] & _LOWER:
            raise Unsupported("unknown critical chunk")
        if chunk.type in _BEFORE_DATA and not before_data:
            raise Unsupported("chunk behind the image data")
        if chunk.type not in _BEFORE_DATA | _ANYWHERE | DROPPED:
            _check_unknown(chunk.type)


def depends_on_data(types: Collection[bytes]) -> bool:
    """Return whether unknown chunks may depend on the bytes of the image data."""
    unknown = set(types) - _ON_PIXELS - DROPPED
    return any(not kind[0] & _LOWER or not kind[3] & _LOWER for kind in unknown)


def check_unique(chunks: list[Chunk]) -> None:
    """Refuse duplicate chunks of kinds that must be unique.

    Raises:
        Unsupported: such chunks were found.
    """
    single = [c.type for c in chunks if c.type in (_BEFORE_DATA | _ANYWHERE) - _REPEATED]
    if len(set(single)) != len(single):
        raise Unsupported("chunk given twice")


def inflate_profile(payload: bytes) -> bytes:
    """Return the profile of an iCCP chunk (11.3.2.3): name, zero, method 0, zlib stream.

    Raises:
        Unsupported: it is malformed or too long.
    """
    name, separator, rest = payload.partition(b"\0")
    if not (separator and 1 <= len(name) <= 79 and rest.startswith(b"\0")):
        raise Unsupported("malformed colour profile")
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(rest[1:], _MAX_ICC + 1)
    except zlib.error as error:
        raise Unsupported("malformed colour profile") from error
    if len(profile) > _MAX_ICC:
        raise Unsupported("colour profile too long")
    if not profile or not inflater.eof or inflater.unused_data:
        raise Unsupported("malformed colour profile")
    return profile


def _check_unknown(kind: bytes) -> None:
    if kind[2] & _LOWER:
        raise Unsupported("chunk of a reserved kind")
    if not kind[3] & _LOWER:
        raise Unsupported("unknown chunk that is not safe to copy")
