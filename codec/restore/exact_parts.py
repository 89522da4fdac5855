"""Tier ``exact`` of JPEG files that a codec does not take whole: with a trailer, or cut short.

A trailer is kept beside the image, where it is compressed better, and may be longer: libjxl takes
no more than a few megabytes. A file that ends within its last scan is completed by zeros, which
decode as blocks of little content, and by an end-of-image marker; both are cut off again. That
works for files without the marker, or without the last rows; Lepton takes others as they are.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from slimgate.codec.containers import Malformed, Unsupported, bmff, header, jpeg_size
from slimgate.codec.containers.jpeg_segments import END, EOI, walk_first
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.manifest import WholeCodec
from slimgate.codec.restore import exact, payload

_ZEROS: Final = range(0, 1 << 21, 64_000)
"""Numbers of zeros to try: libjxl takes a surplus of up to 64 KiB, but no shortage."""

_PATIENCE: Final = 64 << 20
"""Bytes that all tries may read: about four seconds."""

_MAX_ADDED: Final = 1 << 21
"""Maximum length of a completion, bytes."""


class Transcoded(NamedTuple):
    """A rendition, and the length of the JPEG file that its codec returns; 0: the upload's."""

    rendition: bytes
    length: int


def transcode(data: bytes, codec: WholeCodec = "jxl") -> Transcoded | None:
    """Transcode a file, verifying that it is reconstructed byte for byte.

    Args:
        data: upload, untrusted. Its pixel size must have been checked.
        codec: codec of the rendition.

    Raises:
        LookupError: the codec is not installed.
        MemoryError: not enough memory.

    Returns:
        None if the codec cannot reconstruct the upload.
    """
    end = _end(data)
    if codec == "jxl" and end is not None and end < len(data):
        return _beside(data, end)
    whole = exact.transcode(data, codec)
    if whole is not None:
        return Transcoded(whole, 0)
    for completed in _completed(data) if end is None and codec != "zstd" else ():
        stored = exact.transcode(completed, codec)
        if stored is not None:
            return Transcoded(stored, len(completed))
    return None


def restore(
    rendition: bytes, codec: str, *, size: tuple[int, int], length: int, first: int
) -> bytes:
    """Reconstruct the upload from a rendition that does not hold it as one JPEG file.

    Args:
        rendition: result of :func:`transcode`, from the bucket.
        codec: codec of the rendition.
        size: width and height in pixels, as in the file's frame header.
        length: size of the upload, bytes.
        first: length of the JPEG file that the codec returns, bytes.

    Raises:
        LookupError, MemoryError, Undecodable, ContainerError: as :func:`exact.restore`.
    """
    tail = b""
    if codec == "jxl":
        kept = bmff.extract(rendition) or b""
        tail = payload.unpack(kept, None, pixels=size[0] * size[1], max_bytes=length)
    end = length - len(tail)
    if not 0 < end <= first <= end + _MAX_ADDED:
        raise Undecodable("the parts of the file do not fit together")
    return exact.restore(rendition, codec, size=size, length=first)[:end] + tail


def _end(data: bytes) -> int | None:
    """Return where the first image ends; None if nowhere, or if the file is not understood."""
    try:
        return next(segment.end for segment in walk_first(data) if segment.marker == EOI)
    except Unsupported:
        return None


def _beside(data: bytes, end: int) -> Transcoded | None:
    stored = exact.transcode(data[:end])
    if stored is None or len(data) - end > header.MAX_TAIL:
        return None
    try:
        width, height = jpeg_size.read(data)
        kept = payload.pack(data[end:], None, pixels=width * height)
        return Transcoded(bmff.attach(stored, kept), end)
    except Malformed:
        return None


def _completed(data: bytes) -> Iterator[bytes]:
    for zeros in _ZEROS[: 1 + _PATIENCE // len(data)]:
        yield data + bytes(zeros) + END
