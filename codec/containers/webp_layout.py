"""What surrounds the picture of a WebP file that is not as RFC 9649 wants it.

Unknown chunks, chunks in another order, flags of chunks that are missing, and bytes behind the end
change no pixel, and return verbatim.
"""

import struct
from typing import Final, NamedTuple, Self

from slimgate.codec.containers import webp_chunks
from slimgate.codec.containers.errors import DoesNotFit, Unsupported
from slimgate.codec.containers.header import check_metadata_size, check_tail_size
from slimgate.codec.containers.webp_chunks import Chunk, Still, make_file, walk

PADDING: Final = b"SLIM"
"""slimgate's chunk; its data are zeros."""

_MARK: Final = b"\0"  # no chunk type, with which the segments of other files begin
_HEAD: Final = struct.Struct(">c4sII")
_RIFF_HEAD: Final = 12
_CHUNK_HEAD: Final = 8
_EXTENDED_HEAD: Final = 18
_CODED: Final = (b"VP8 ", b"VP8L")


class Layout(NamedTuple):
    """What surrounds a picture.

    Attributes:
        flags: flags and reserved bytes of the extended header; empty in a simple file.
        before: chunks between extended header and picture.
        after: chunks behind the picture, without slimgate's padding.
        tail: bytes behind the end of the file as it declares it.
    """

    flags: bytes
    before: bytes
    after: bytes
    tail: bytes

    @classmethod
    def of(cls, data: bytes, chunks: list[Chunk], end: int) -> Self:
        """Return the layout of a file.

        Args:
            data: content of the file.
            chunks: its chunks, without slimgate's padding.
            end: end of the file as it declares it.

        Raises:
            Unsupported: no single picture, or too much surrounds it.
        """
        types = [chunk.type for chunk in chunks]
        last = next((place for place, kind in enumerate(types) if kind in _CODED), None)
        if last is None or b"VP8X" in types[1:] or sum(kind in _CODED for kind in types) != 1:
            raise Unsupported("chunks out of order")
        first = last - (types[last - 1 : last] == [b"ALPH"])
        extended = types[0] == b"VP8X"
        misplaced = first < last and (types[last] == b"VP8L" or not extended)
        if types.count(b"ALPH") != last - first or misplaced:
            raise Unsupported("separate alpha where none belongs")
        start = chunks[0].end if extended else _RIFF_HEAD
        before = data[start : chunks[first].start]
        after = data[chunks[last].end : chunks[-1].end]
        check_metadata_size(len(before) + len(after))
        check_tail_size(len(data) - end)
        flags = chunks[0].payload(data)[:4] if extended else b""
        return cls(flags, before, after, data[end:])

    def plain(self, still: Still) -> Self:
        """Return the layout without an extended header that says nothing."""
        nothing = bytes([webp_chunks.ALPHA_FLAG * still.alpha, 0, 0, 0])
        return self._replace(flags=b"") if self.flags == nothing else self

    def dumps(self) -> bytes:
        """Return the layout as bytes, which no other metadata start with."""
        flags = self.flags or b"\xff" * 4  # not valid in an extended header
        head = _HEAD.pack(_MARK, flags, len(self.before), len(self.after))
        return head + self.before + self.after + self.tail

    @classmethod
    def loads(cls, metadata: bytes) -> Self:
        """Parse a layout.

        Raises:
            Unsupported: it is damaged.
        """
        if len(metadata) < _HEAD.size:
            raise Unsupported("kept chunks are damaged")
        _, flags, first, second = _HEAD.unpack_from(metadata)
        middle = _HEAD.size + first
        end = middle + second
        if end > len(metadata):
            raise Unsupported("kept chunks are damaged")
        before, after = metadata[_HEAD.size : middle], metadata[middle:end]
        for group in (before, after):
            if {chunk.type for chunk in walk(group)} & {b"VP8X", b"ALPH", b"ANIM", *_CODED}:
                raise Unsupported("kept chunks are damaged")
        flags = b"" if flags == b"\xff" * 4 else flags
        return cls(flags, before, after, metadata[end:])

    @property
    def overhead(self) -> int:
        """Return the bytes that the layout adds to a picture."""
        return _EXTENDED_HEAD + len(self.before) + len(self.after) + len(self.tail)

    def file(self, picture: bytes, still: Still, size: int) -> bytes:
        """Return a file with a picture, padded before the tail.

        Args:
            picture: chunks of the picture.
            still: its header.
            size: required size, bytes.

        Raises:
            DoesNotFit: the file is too long, the gap is too small, or of odd length.
        """
        chunks = [self.before, picture, self.after]
        length = _RIFF_HEAD + sum(map(len, chunks)) + len(self.tail)
        if self.flags or length != size:
            # Only the extended format allows padding.
            flags = self.flags or bytes([webp_chunks.ALPHA_FLAG * still.alpha, 0, 0, 0])
            payload = flags + webp_chunks.extended_header(still, 0)[12:]
            chunks = [webp_chunks.make(b"VP8X", payload), *chunks]
            length += _EXTENDED_HEAD
        gap = size - length
        if gap < 0:
            raise DoesNotFit(f"{-gap} bytes too long")
        if gap % 2 or 0 < gap < _CHUNK_HEAD:
            raise DoesNotFit(f"a gap of {gap} bytes cannot be padded")
        if gap:
            chunks.append(webp_chunks.make(PADDING, bytes(gap - _CHUNK_HEAD)))
        return make_file(b"".join(chunks)) + self.tail


def is_layout(metadata: bytes) -> bool:
    """Return whether kept segments are a layout."""
    return metadata.startswith(_MARK)
