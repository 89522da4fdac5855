"""Parse WebP files, and assemble them with a given size (RFC 9649).

Padding is one unknown chunk at the end, so gaps of 2, 4 and 6 bytes cannot be filled.
"""

from dataclasses import dataclass
from typing import Final

from slimgate.codec.containers import webp_chunks
from slimgate.codec.containers.errors import DoesNotFit, Unsupported
from slimgate.codec.containers.webp_chunks import Chunk, Still, make_file, read_file, walk
from slimgate.codec.containers.webp_layout import PADDING, Layout, is_layout

_RIFF_HEAD: Final = 12
_CHUNK_HEAD: Final = 8
_EXTENDED_HEAD: Final = 18
_FLAGS: Final = {
    b"ICCP": webp_chunks.ICC_FLAG,
    b"EXIF": webp_chunks.EXIF_FLAG,
    b"XMP ": webp_chunks.XMP_FLAG,
}
_CODED: Final = (b"VP8 ", b"VP8L")
# Section 2.7: position of each chunk; EXIF and XMP may come in either order.
_PLACES: Final = {
    b"VP8X": 0,
    b"ICCP": 1,
    b"ALPH": 2,
    b"VP8 ": 3,
    b"VP8L": 3,
    b"EXIF": 4,
    b"XMP ": 4,
}


@dataclass(frozen=True, slots=True)
class WebP:
    """The parsed properties of a WebP file.

    Attributes:
        width: width, pixels.
        height: height, pixels.
        alpha: decodes with an alpha channel.
        lossless: colours are coded without loss.
        metadata: the ICCP, EXIF and XMP chunks verbatim, in order, or a layout.
        icc: colour profile.
    """

    width: int
    height: int
    alpha: bool
    lossless: bool
    metadata: bytes
    icc: bytes | None


def parse(data: bytes) -> WebP:
    """Parse a WebP file up to its last byte, without decoding pixels.

    Raises:
        Unsupported: the file is damaged, or has an unsupported feature.
    """
    end = webp_chunks.declared_end(data)
    chunks = _without_padding(data, list(walk(data[:end], 12)))
    _check_still(chunks)
    layout = Layout.of(data, chunks, end)
    still = _still(data, chunks)
    flags = _check_extended(data, chunks, still) if layout.flags else None
    kept = [chunk for chunk in chunks if chunk.type in _FLAGS]
    profile = next((chunk.payload(data) for chunk in kept if chunk.type == b"ICCP"), None)
    if flags is not None and not flags & webp_chunks.ICC_FLAG:
        profile = None
    lossless = any(chunk.type == b"VP8L" for chunk in chunks)
    if _is_regular(chunks, still, flags) and not layout.tail:
        metadata = b"".join(data[chunk.start : chunk.end] for chunk in kept)
    else:
        metadata = layout.plain(still).dumps()
    # Decoders add opaque alpha if only the flag has it.
    alpha = still.alpha or bool(flags and flags & webp_chunks.ALPHA_FLAG)
    return WebP(still.width, still.height, alpha, lossless, metadata, profile or None)


def assemble(encoded: bytes, metadata: bytes, size: int) -> bytes:
    """Return a new WebP file with the metadata chunks and the size of the upload.

    Args:
        encoded: a complete still WebP file; its own metadata chunks are dropped.
        metadata: chunks from :func:`parse`.
        size: required size, bytes.

    Raises:
        DoesNotFit: the file is too long, the gap is too small, or the size is odd.
        Unsupported: ``encoded`` or ``metadata`` is damaged.
    """
    chunks = read_file(encoded)
    _check_order(chunks)
    still = _still(encoded, chunks)
    picture = b"".join(encoded[c.start : c.end] for c in chunks if c.type in (b"ALPH", *_CODED))
    if is_layout(metadata):
        return Layout.loads(metadata).file(picture, still, size)
    if not metadata and picture[:4] in _CODED and size == _RIFF_HEAD + len(picture):
        return make_file(picture)
    profile, rest, flags = _split(metadata)
    flags |= webp_chunks.ALPHA_FLAG if still.alpha else 0
    parts = [webp_chunks.extended_header(still, flags), profile, picture, rest]
    gap = size - (_RIFF_HEAD + sum(map(len, parts)))
    if gap < 0:
        raise DoesNotFit(f"{-gap} bytes too long")
    if gap % 2 or 0 < gap < _CHUNK_HEAD:
        raise DoesNotFit(f"a gap of {gap} bytes cannot be padded")
    if gap:
        parts.append(webp_chunks.make(PADDING, bytes(gap - _CHUNK_HEAD)))
    return make_file(b"".join(parts))


def overhead(metadata: bytes) -> int:
    """Return the size of the kept chunks and their header in an assembled file, bytes."""
    if is_layout(metadata):
        return Layout.loads(metadata).overhead
    return _EXTENDED_HEAD + len(metadata) if metadata else 0


def _without_padding(data: bytes, chunks: list[Chunk]) -> list[Chunk]:
    if chunks and chunks[-1].type == PADDING and not chunks[-1].payload(data).strip(b"\0"):
        return chunks[:-1]
    return chunks


def _check_order(chunks: list[Chunk]) -> None:
    types = [chunk.type for chunk in chunks]
    if b"ANIM" in types or b"ANMF" in types:
        raise Unsupported("animation")
    if not set(types).issubset(_PLACES):
        raise Unsupported("unknown chunk")
    if len(set(types)) != len(types):
        raise Unsupported("chunk given twice")
    places = [_PLACES[kind] for kind in types]
    if places != sorted(places) or places.count(3) != 1:
        raise Unsupported("chunks out of order")
    if b"ALPH" in types and (b"VP8L" in types or types[0] != b"VP8X"):
        raise Unsupported("separate alpha where none belongs")


def _still(data: bytes, chunks: list[Chunk]) -> Still:
    coded = next(chunk for chunk in chunks if chunk.type in _CODED)
    if coded.type == b"VP8L":
        return webp_chunks.read_lossless(coded.payload(data))
    still = webp_chunks.read_lossy(coded.payload(data))
    return still._replace(alpha=any(chunk.type == b"ALPH" for chunk in chunks))


def _check_still(chunks: list[Chunk]) -> None:
    if any(chunk.type in (b"ANIM", b"ANMF") for chunk in chunks):
        raise Unsupported("animation")
    if not any(chunk.type in _CODED for chunk in chunks):
        raise Unsupported("chunks out of order")


def _check_extended(data: bytes, chunks: list[Chunk], still: Still) -> int:
    """Return the flags of an extended file whose picture all decoders show alike."""
    flags, width, height = webp_chunks.read_extended_header(chunks[0].payload(data))
    if flags & webp_chunks.ANIMATION_FLAG:
        raise Unsupported("animation")
    if (width, height) != (still.width, still.height):
        raise Unsupported("canvas and picture differ in size")
    lossy = any(chunk.type == b"VP8 " for chunk in chunks)
    if bool(flags & webp_chunks.ALPHA_FLAG) != still.alpha and (still.alpha or not lossy):
        raise Unsupported("flags and chunks disagree")
    return flags


def _is_regular(chunks: list[Chunk], still: Still, flags: int | None) -> bool:
    """Return whether chunks and flags are as in RFC 9649."""
    try:
        _check_order(chunks)
    except Unsupported:
        return False
    expected = webp_chunks.ALPHA_FLAG if still.alpha else 0
    for chunk in chunks:
        expected |= _FLAGS.get(chunk.type, 0)
    return flags == expected if flags is not None else len(chunks) == 1


def _split(metadata: bytes) -> tuple[bytes, bytes, int]:
    """Return the profile chunk, the other chunks, and the flags of both."""
    chunks = list(walk(metadata))
    types = [chunk.type for chunk in chunks]
    if not set(types).issubset(_FLAGS) or len(set(types)) != len(types) or b"ICCP" in types[1:]:
        raise Unsupported("kept chunks are damaged")
    end = chunks[0].end if types[:1] == [b"ICCP"] else 0
    return metadata[:end], metadata[end:], sum(_FLAGS[kind] for kind in types)
