"""Tier ``exact`` of JPEG files: transcode to JPEG XL, which reconstructs them byte for byte."""

from imagecodecs import jpegxl_decode_jpeg, jpegxl_encode_jpeg

from codec.containers import jxl_header
from codec.image import memory
from codec.image.pixels import Undecodable
from codec.search import memory_needs


def transcode(data: bytes) -> bytes | None:
    """Transcode a JPEG file to JPEG XL, verifying that it reconstructs the identical file.

    Any JPEG file will do, even one whose pixels slimgate cannot restore. Its pixel size must have
    been checked.

    Args:
        data: upload, untrusted.

    Raises:
        MemoryError: not enough memory.

    Returns:
        A JPEG XL file; None if the codec cannot reconstruct the upload.
    """
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


def restore(rendition: bytes, *, size: tuple[int, int], length: int) -> bytes:
    """Reconstruct the JPEG file.

    Args:
        rendition: result of :func:`transcode`, from the bucket.
        size: width and height in pixels, as in the file's frame header.
        length: size of the file, bytes; the output never exceeds it.

    Raises:
        Undecodable: not such a rendition; detected before decoding where possible.
        ContainerError: not a JPEG XL file.
    """
    if jxl_header.read_size(rendition) != size:
        raise Undecodable(f"is not an image of {size[0]}x{size[1]} pixels")
    try:
        return bytes(jpegxl_decode_jpeg(rendition, numthreads=1, out=length))
    except (RuntimeError, ValueError) as error:
        raise Undecodable(f"cannot reconstruct a JPEG file: {error}") from error
