"""Make an ordinary file of the pixels of an odd one: what it would be without its oddities."""

import io
import warnings
from typing import Final

from PIL import Image

_QUALITY: Final = 95


def ordinary_copy(data: bytes, *, max_pixels: int) -> bytes | None:
    """Return the first picture of a file as a JPEG file without metadata; None if unreadable.

    Args:
        data: content of an image file, untrusted.
        max_pixels: most pixels to decode.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about oddities of files; the size is checked here
        try:
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height > max_pixels:
                    return None
                made = io.BytesIO()
                _shown(image).save(made, "JPEG", quality=_QUALITY)
        except Exception:  # noqa: BLE001  # decoders raise any exception
            return None
    return made.getvalue()


def _shown(image: Image.Image) -> Image.Image:
    """Return 8 bits per sample; 16-bit gray is scaled, not cut off."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 256)
        return image.convert("L")
    return image if image.mode in {"L", "RGB"} else image.convert("RGB")
