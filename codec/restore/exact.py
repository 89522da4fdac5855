"""Tier ``exact`` of whole files: transcode them so that they return byte for byte."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from imagecodecs import jpegxl_decode_jpeg, jpegxl_encode_jpeg

from slimgate.codec.containers import jpeg_size, jxl_header
from slimgate.codec.encoders import lepton, zstd
from slimgate.codec.image import memory
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.manifest import WholeCodec
from slimgate.codec.search import memory_needs


def transcode(data: bytes, codec: WholeCodec = "jxl") -> bytes | None:
    """Transcode a file, verifying that it is reconstructed byte for byte.

    JPEG XL and Lepton take any JPEG file, even one whose pixels slimgate cannot restore; Zstandard
    takes any file. The pixel size must have been checked.

    Args:
        data: upload, untrusted.
        codec: codec of the rendition.

    Raises:
        LookupError: the codec is not installed.
        MemoryError: not enough memory.

    Returns:
        A rendition; None if the codec cannot reconstruct the upload.
    """
    return _by_name(codec).transcode(data)


def restore(rendition: bytes, codec: str = "jxl", *, size: tuple[int, int], length: int) -> bytes:
    """Reconstruct the file.

    Args:
        rendition: result of :func:`transcode`, from the bucket.
        codec: codec of the rendition.
        size: width and height in pixels, as in the file's frame header.
        length: size of the file, bytes; the output never exceeds it.

    Raises:
        LookupError: unknown codec, or it is not installed.
        MemoryError: not enough memory.
        Undecodable: not such a rendition; detected before decoding where possible.
        ContainerError: not a file of the codec.
    """
    return _by_name(codec).restore(rendition, size=size, length=length)


def _to_jxl(data: bytes) -> bytes | None:
    try:
        with memory.reserving(memory_needs.RESERVED):
            stored = jpegxl_encode_jpeg(data, usecontainer=True, numthreads=1)
        returned = jpegxl_decode_jpeg(stored, numthreads=1, out=len(data))
    except (RuntimeError, ValueError) as error:
        if memory.is_exhausted(error):
            raise MemoryError from error
        # Truncation, damage, arithmetic coding, 12 bits, four components: all common.
        return None
    return bytes(stored) if returned == data else None


def _from_jxl(rendition: bytes, *, size: tuple[int, int], length: int) -> bytes:
    if jxl_header.read_size(rendition) != size:
        raise Undecodable(f"is not an image of {size[0]}x{size[1]} pixels")
    try:
        return bytes(jpegxl_decode_jpeg(rendition, numthreads=1, out=length))
    except (RuntimeError, ValueError) as error:
        raise Undecodable(f"cannot reconstruct a JPEG file: {error}") from error


def _to_lepton(data: bytes) -> bytes | None:
    try:
        stored = lepton.transcode(data)
        returned = lepton.reconstruct(stored, size=jpeg_size.read(data), length=len(data))
    except ValueError:
        return None
    return stored if returned == data else None


def _to_zstd(data: bytes) -> bytes:
    stored = zstd.compress(data, zstd.level(len(data)))
    if zstd.decompress(stored, len(data)) != data:
        raise Undecodable("Zstandard does not return the file")
    return stored


def _from_zstd(rendition: bytes, *, size: tuple[int, int], length: int) -> bytes:
    del size  # of the pictures, which are not decoded
    return zstd.decompress(rendition, length)


class _Restore(Protocol):
    """Reconstructs the file of a rendition."""

    def __call__(self, rendition: bytes, /, *, size: tuple[int, int], length: int) -> bytes: ...


class _Transcoder(NamedTuple):
    """A codec that holds whole files."""

    installed: Callable[[], bool]
    transcode: Callable[[bytes], bytes | None]
    restore: _Restore


_TRANSCODERS: Final = MappingProxyType[str, _Transcoder](
    {
        "jxl": _Transcoder(lambda: True, _to_jxl, _from_jxl),
        "lepton": _Transcoder(lepton.installed, _to_lepton, lepton.reconstruct),
        "zstd": _Transcoder(zstd.installed, _to_zstd, _from_zstd),
    }
)


def _by_name(name: str) -> _Transcoder:
    found = _TRANSCODERS.get(name)
    if found is None:
        raise LookupError(f"the codec {name!r} holds no whole files")
    if not found.installed():
        raise LookupError(f"the codec {name} is not installed: pip install 'slimgate[{name}]'")
    return found
