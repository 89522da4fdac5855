"""Write and read renditions as JPEG: larger than the others, but everything opens it."""

from typing import Final

from PIL import features

from codec.encoders import pillow
from codec.image.pixels import Pixels, decode

MIME: Final = "image/jpeg"
MAX_SIDE: Final = 65_500  # libjpeg's JPEG_MAX_DIMENSION


def installed() -> bool:
    """Return whether Pillow was built with JPEG."""
    return bool(features.check("jpg"))


def encode(  # noqa: PLR0913 - said by name
    pixels: Pixels,
    quality: int,
    *,
    subsampling: str,
    speed: int,
    tune: str = "ssim",
    icc: bytes | None = None,
    orientation: int = 1,
) -> bytes:
    """Encode pixels so that any viewer shows them as the upload looked.

    Args:
        pixels: uint8, (height, width[, 3]).
        quality: 0 (smallest) to 100.
        subsampling: ``4:4:4``, ``4:2:2`` or ``4:2:0``; gray has no chroma.
        speed: Makes no difference: there is but one.
        tune: Makes no difference.
        icc: Colour profile to embed.
        orientation: EXIF orientation to embed; the pixels stay as they are.
    """
    del speed, tune
    options: dict[str, object] = {} if pixels.ndim == 2 else {"subsampling": subsampling}
    return pillow.save(
        pixels,
        "JPEG",
        orientation=orientation,
        quality=quality,
        progressive=True,  # smaller, and shown earlier
        icc_profile=icc or b"",
        **options,
    )


def read(data: bytes, *, mode: str, width: int, height: int) -> Pixels:
    """Decode a rendition of which mode and size are known.

    Returns:
        uint8, (height, width) for mode ``L``, (height, width, 3) for ``RGB``.

    Raises:
        Undecodable: It is not what the manifest says.
        OSError, ValueError, SyntaxError: It is damaged.
    """
    return decode(data, format_="JPEG", mode=mode, width=width, height=height)


def icc_profile(data: bytes) -> bytes | None:
    """Give the colour profile that a rendition carries.

    Raises:
        OSError, ValueError, SyntaxError: It is damaged.
    """
    return pillow.icc_profile(data, "JPEG")
