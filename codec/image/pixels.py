"""Decode untrusted image files into arrays, in one place."""

import io
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import numpy.typing as npt
from imagecodecs import PngError, avif_decode, png_decode
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from slimgate.codec.containers import Container, png

Pixels = npt.NDArray[np.uint8]
"""Pixels of an image, uint8: (height, width) gray, (height, width, 3) RGB or (…, 4) RGBA."""


Samples = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""Samples of an image, uint8 or uint16: (height, width) or (height, width, 2 to 4)."""


class Undecodable(ValueError):
    """The bytes are not an image of the expected format, size and mode."""


# Undocumented exceptions of Pillow's decoders: libavif raises RuntimeError, libwebp EOFError, and
# broken EXIF blocks the others.
_FOREIGN: Final = (EOFError, LookupError, RuntimeError, TypeError, struct.error)

_limit_lifted: Final = threading.Lock()


@contextmanager
def opened(data: bytes, format_: str) -> Iterator[Image.Image]:
    """Open an image: read its header, but decode pixels only on demand.

    Args:
        data: complete file.
        format_: Pillow's name of the format; no other decoder is tried.

    Raises:
        OSError, ValueError, SyntaxError: the file is damaged, detected here or in the body of the
            ``with`` statement. Other exceptions are translated.
    """
    try:
        with _header(data, format_) as image:
            yield image
    except _FOREIGN as error:
        raise Undecodable(f"damaged: {error}") from error


def _header(data: bytes, format_: str) -> Image.Image:
    if format_ == "JPEG":
        # Bypass Pillow's format search, which trusts an index of pictures that the file may lack.
        try:
            return JpegImageFile(io.BytesIO(data))
        except SyntaxError as error:
            raise UnidentifiedImageError("cannot identify a JPEG file") from error
    # Pillow's limit is a global that only warns; ours is checked before decoding.
    with _limit_lifted:
        saved = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            return Image.open(io.BytesIO(data), formats=[format_])
        finally:
            Image.MAX_IMAGE_PIXELS = saved


def decode(
    data: bytes, *, format_: str, mode: str, width: int, height: int, threads: int = 1
) -> Pixels:
    """Decode a still image with known properties.

    Allocates nothing before comparing the header with the expected properties, so that the caller's
    pixel limit holds.

    Args:
        data: complete file.
        format_: Pillow's name of the format; no other decoder is tried.
        mode: ``L``, ``P``, ``RGB`` or ``RGBA``, as Pillow reports it.
        width: expected width, pixels.
        height: expected height, pixels.
        threads: maximum number of threads; only AVIF uses more than one.

    Returns:
        uint8, (height, width) for ``L`` and ``P``, else (height, width, 3 or 4).

    Raises:
        Undecodable: the header differs from the expected properties.
        OSError, ValueError, SyntaxError: Pillow cannot decode the body.
    """
    with opened(data, format_) as image:
        if (image.mode, image.size) != (mode, (width, height)):
            found = f"{image.mode} {image.width}x{image.height}"
            raise Undecodable(f"decodes as {found}, not as {mode} {width}x{height}")
        if getattr(image, "n_frames", 1) != 1:
            raise Undecodable("has more than one frame")
        if format_ == "AVIF":
            return _avif_pixels(data, len(image.getbands()), image.size, threads)
        return np.asarray(image, dtype=np.uint8)


def _avif_pixels(data: bytes, channels: int, size: tuple[int, int], threads: int) -> Pixels:
    """Decode an AVIF file whose header has been checked: the pixels that Pillow returns too.

    It copies them three times, which takes as long as decoding them.
    """
    pixels = avif_decode(data, numthreads=threads)
    wanted = (size[1], size[0]) if channels == 1 else (size[1], size[0], channels)
    if pixels.shape != wanted or pixels.dtype != np.uint8:
        raise Undecodable(f"decodes as {pixels.dtype} {pixels.shape}, not as {wanted}")
    return np.asarray(pixels)


def decode_as(upload: Container, data: bytes) -> Pixels:
    """Decode an upload, or its served file: both must look alike to Pillow.

    Raises:
        Undecodable, OSError, ValueError, SyntaxError: as :func:`decode`.
    """
    if upload.deep:
        return _decode_deep(upload, data)
    if upload.palette:
        return _decode_indexed(upload, data)
    return decode(
        data, format_=upload.format, mode=upload.mode, width=upload.width, height=upload.height
    )


def _decode_deep(upload: Container, data: bytes) -> Pixels:
    """Decode a PNG whose header has been parsed, if each of its samples is a byte twice."""
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[upload.mode]
    size = upload.width, upload.height
    bare = png.make_file(size, channels[0] if channels else 1, png.image_data(data), depth=16)
    try:
        samples = png_decode(bare)
    except PngError as error:
        raise Undecodable(f"damaged: {error}") from error
    if samples.shape != (upload.height, upload.width, *channels) or samples.dtype != np.uint16:
        raise Undecodable("the decoded image differs from its header")
    halves = samples.view(np.uint8).reshape(*samples.shape, 2)
    if not np.array_equal(halves[..., 0], halves[..., 1]):
        raise Undecodable("samples of 16 bits that are no repeated bytes")
    return np.ascontiguousarray(halves[..., 0])


def _decode_indexed(upload: Container, data: bytes) -> Pixels:
    """Decode a PNG of indices."""
    size = {"width": upload.width, "height": upload.height}
    found = decode(data, format_=upload.format, mode="P", **size)
    table = colours(upload.palette, len(upload.mode))
    if found.max() >= len(table):
        raise Undecodable("an index without a colour")
    return np.asarray(table[found])


def colours(palette: bytes, channels: int) -> Pixels:
    """Return the colours of a palette: uint8, (colours, channels).

    Raises:
        ValueError: they have other channels.
    """
    return np.frombuffer(palette, np.uint8).reshape(-1, channels)


def orientation(data: bytes, upload: Container) -> int:
    """Return the EXIF orientation of a decoded upload, 1 to 8."""
    if not upload.metadata:
        return 1  # no EXIF; searching for it, Pillow would decode a PNG again
    try:
        with opened(data, upload.format) as image:
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, ValueError, SyntaxError):
        # Only EXIF is damaged; viewers ignore it, and the served file keeps it.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
