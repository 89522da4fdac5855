"""The tier ``exact`` of JPEG files: transcoded to JPEG XL, from which they return byte for byte."""

from imagecodecs import jpegxl_decode_jpeg, jpegxl_encode_jpeg

from codec.containers import jxl_header
from codec.image import memory
from codec.image.pixels import Undecodable
from codec.search import memory_needs


def transcode(data: bytes) -> bytes | None:
    """Store a JPEG file as JPEG XL; it is tried that this gives back the identical file.

    It may be any JPEG file, also one whose pixels slimgate could not restore. Its size in pixels
    must have been checked.

    Args:
        data: The upload, untrusted.

    Raises:
        MemoryError: There is not enough.

    Returns:
        A JPEG XL file; None when the codec does not know how to reproduce this one.
    """
    try:
        with memory.reserving(memory_needs.RESERVED):
            stored = jpegxl_encode_jpeg(data, usecontainer=True, numthreads=1)
        returned = jpegxl_decode_jpeg(stored, numthreads=1, out=len(data))
    except (RuntimeError, ValueError) as error:
        if memory.is_exhausted(error):
            raise MemoryError from error
        # Cut off, damaged, arithmetic coding, 12 bits, four components: all common enough.
        return None
    return bytes(stored) if returned == data else None


def restore(rendition: bytes, *, size: tuple[int, int], length: int) -> bytes:
    """Give back the JPEG file.

    Args:
        rendition: What :func:`transcode` made, as it lies in the bucket.
        size: Width and height in pixels, as in the file's frame header.
        length: Bytes of the file; never are more written.

    Raises:
        Undecodable: It is no such rendition; found before anything is decoded where it can be.
        ContainerError: It is no JPEG XL file.
    """
    if jxl_header.read_size(rendition) != size:
        raise Undecodable(f"is not an image of {size[0]}x{size[1]} pixels")
    try:
        return bytes(jpegxl_decode_jpeg(rendition, numthreads=1, out=length))
    except (RuntimeError, ValueError) as error:
        raise Undecodable(f"no JPEG file returns from it: {error}") from error
