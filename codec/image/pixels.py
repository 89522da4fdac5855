"""Turn image files into arrays: one place that opens what somebody else wrote."""

import io
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from codec.containers import Container

Pixels = npt.NDArray[np.uint8]
"""Pixels of one image, uint8: (height, width) gray, (height, width, 3) RGB or (…, 4) RGBA."""


class Undecodable(ValueError):
    """The bytes are not an image of the expected format, size and mode."""


# What Pillow's decoders raise beside the classes that it documents: libavif's errors are
# RuntimeErrors, libwebp's are EOFErrors, and a broken EXIF block gives the others.
_FOREIGN: Final = (EOFError, LookupError, RuntimeError, TypeError, struct.error)

_limit_lifted: Final = threading.Lock()


@contextmanager
def opened(data: bytes, format_: str) -> Iterator[Image.Image]:
    """Open an image; its header is read, its pixels are not decoded before they are asked for.

    Args:
        data: The complete file.
        format_: Pillow's name of the format; no other decoder is tried.

    Raises:
        OSError, ValueError, SyntaxError: The file is damaged, as was found here or in the body of
            the ``with`` statement. No other class gets out.
    """
    try:
        with _header(data, format_) as image:
            yield image
    except _FOREIGN as error:
        raise Undecodable(f"damaged: {error}") from error


def _header(data: bytes, format_: str) -> Image.Image:
    if format_ == "JPEG":
        # Not by way of Pillow's search, which believes an index of pictures that the file has lost.
        try:
            return JpegImageFile(io.BytesIO(data))
        except SyntaxError as error:
            raise UnidentifiedImageError("cannot identify a JPEG file") from error
    # Pillow's limit is a module global that warns; ours is checked before anything is decoded.
    with _limit_lifted:
        saved = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            return Image.open(io.BytesIO(data), formats=[format_])
        finally:
            Image.MAX_IMAGE_PIXELS = saved


def decode(data: bytes, *, format_: str, mode: str, width: int, height: int) -> Pixels:
    """Decode a still image of which everything is known beforehand.

    Nothing is allocated before the header has been compared with what is expected, so that the
    caller's pixel limit holds.

    Args:
        data: The complete file.
        format_: Pillow's name of the format; no other decoder is tried.
        mode: ``L``, ``RGB`` or ``RGBA``, exactly as Pillow must report it.
        width: Expected width in pixels.
        height: Expected height in pixels.

    Returns:
        uint8 array of shape (height, width) for ``L``, (height, width, 3 or 4) otherwise.

    Raises:
        Undecodable: The header differs from what is expected.
        OSError, ValueError, SyntaxError: Pillow could not decode the body.
    """
    with opened(data, format_) as image:
        if (image.mode, image.size) != (mode, (width, height)):
            found = f"{image.mode} {image.width}x{image.height}"
            raise Undecodable(f"decodes as {found}, not as {mode} {width}x{height}")
        if getattr(image, "n_frames", 1) != 1:
            raise Undecodable("has more than one frame")
        return np.asarray(image, dtype=np.uint8)


def decode_as(upload: Container, data: bytes) -> Pixels:
    """Decode an upload, or the file that is served for it: both must look alike to Pillow.

    Raises:
        Undecodable, OSError, ValueError, SyntaxError: As :func:`decode`.
    """
    return decode(
        data, format_=upload.format, mode=upload.mode, width=upload.width, height=upload.height
    )


def orientation(data: bytes, upload: Container) -> int:
    """Give the EXIF orientation of an upload whose pixels were decoded, 1 to 8."""
    if not upload.kept:
        return 1  # nothing is said, and to look for it Pillow would decode a PNG file again
    try:
        with opened(data, upload.format) as image:
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, ValueError, SyntaxError):
        # Only EXIF is damaged, which viewers ignore, and which the served file gets back as it was.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
