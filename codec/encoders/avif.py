"""Write and read renditions as AVIF."""

from typing import Final

from PIL import features

from codec.encoders import pillow
from codec.image.pixels import Pixels

MIME: Final = "image/avif"
MAX_SIDE: Final = 65_535  # AV1 specification, 5.5.1: sides have 16 bits; manifests end there, too


def installed() -> bool:
    """Return whether Pillow was built with AVIF."""
    return bool(features.check("avif"))


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
        pixels: uint8, (height, width[, 3 or 4]).
        quality: 0 (smallest) to 100.
        subsampling: ``4:4:4``, ``4:2:2`` or ``4:2:0``; gray is always written without chroma.
        speed: 0 (smallest file) to 10 (fastest).
        tune: ``psnr`` or ``ssim``: what bits are spent on.
        icc: Colour profile to embed.
        orientation: EXIF orientation to embed as a property; the pixels stay as they are.
    """
    return pillow.save(
        pixels,
        "AVIF",
        orientation=orientation,
        quality=quality,
        subsampling="4:0:0" if pixels.ndim == 2 else subsampling,
        speed=speed,
        max_threads=1,  # one worker process per core already
        autotiling=False,
        # libavif asks for what looks best, which costs PSNR and SSIM: 6 to 12 % more bytes for the
        # same of both.
        advanced={"tune": tune},
        icc_profile=icc or b"",
    )


def read(data: bytes, *, mode: str, width: int, height: int) -> Pixels:
    """Decode a rendition of which mode and size are known.

    Returns:
        uint8, (height, width) for mode ``L``, else (height, width, 3 or 4).

    Raises:
        Undecodable: It is not what the manifest says.
        OSError, ValueError, SyntaxError: It is damaged.
    """
    return pillow.read_with_alpha(data, "AVIF", mode=mode, width=width, height=height)


def icc_profile(data: bytes) -> bytes | None:
    """Give the colour profile that a rendition carries.

    Raises:
        OSError, ValueError, SyntaxError: It is damaged.
    """
    return pillow.icc_profile(data, "AVIF")
