"""Save images with Pillow, noise included."""

import io
import threading
from typing import Final

from PIL import Image, ImageFile

_BYTES_PER_SAMPLE: Final = 4
"""Most bytes of a sample in a JPEG file: 16 bits of code and 11 of value."""

_one_at_a_time: Final = threading.Lock()


def save(image: Image.Image, format_: str, **options: object) -> bytes:
    """Return an image as a file.

    Pillow's buffer for a progressive JPEG file has 1 or 2 bytes for a pixel, and fails for noise of
    high quality; such an image is saved again with a larger one.

    Args:
        image: the image.
        format_: Pillow's name of the format.
        options: options of Pillow's encoder.

    Raises:
        OSError: the encoder fails.
    """
    try:
        return _saved(image, format_, options)
    except OSError:
        if format_ != "JPEG":
            raise
    samples = image.width * image.height * len(image.getbands())
    with _one_at_a_time:
        usual = ImageFile.MAXBLOCK
        ImageFile.MAXBLOCK = max(usual, _BYTES_PER_SAMPLE * samples)
        try:
            return _saved(image, format_, options)
        finally:
            ImageFile.MAXBLOCK = usual


def _saved(image: Image.Image, format_: str, options: dict[str, object]) -> bytes:
    target = io.BytesIO()
    image.save(target, format_, **options)
    return target.getvalue()
