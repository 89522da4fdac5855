"""Encode and decode renditions as AVIF."""

from functools import cache
from typing import Final

import numpy as np
from PIL import features

from slimgate.codec.encoders import pillow
from slimgate.codec.encoders.settings import EncoderSettings, Tune
from slimgate.codec.image.pixels import Pixels

MIME: Final = "image/avif"
_LARGE: Final = 2_000_000
"""Pixels from which threads encode an image in less time."""

_THREADS: Final = 4
"""Threads for a large image, on any machine, however busy: from two on, each number of them gives
the same file, 0.1 % larger than one thread's, in the same processor time."""

MAX_SIDE: Final = 65_535  # AV1 specification, 5.5.1: 16 bits, also the limit of manifests


def installed() -> bool:
    """Return whether Pillow was built with AVIF."""
    return bool(features.check("avif"))


def encode(pixels: Pixels, settings: EncoderSettings) -> bytes:
    """Encode pixels so that viewers show them like the upload.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
        settings: all are supported. Without an encoder that knows SSIMULACRA2, tuning for SSIM
            takes its place, at the same qualities.
    """
    return pillow.save(
        pixels,
        "AVIF",
        orientation=settings.orientation,
        quality=settings.quality,
        subsampling="4:0:0" if pixels.ndim == 2 else settings.subsampling,
        speed=settings.speed,
        max_threads=_THREADS if pixels.shape[0] * pixels.shape[1] >= _LARGE else 1,
        autotiling=False,
        # libavif tunes for appearance by default: 6 to 12 % more bytes at equal PSNR and SSIM.
        advanced={"tune": _tune(settings)},
        icc_profile=settings.icc or b"",
    )


@cache
def knows(tune: Tune) -> bool:
    """Return whether the encoder can optimize a measure: libaom before 3.13 lacks SSIMULACRA2."""
    sample = np.zeros((16, 16), np.uint8)
    try:
        pillow.save(sample, "AVIF", orientation=1, speed=10, advanced={"tune": tune})
    except ValueError:
        return False
    return True


def _tune(settings: EncoderSettings) -> Tune:
    # Quality 100 is lossless, for which libaom refuses to tune for appearance.
    lacking = settings.quality == 100 or not knows(settings.tune)
    return "ssim" if settings.tune == "ssimulacra2" and lacking else settings.tune


def read(data: bytes, *, mode: str, width: int, height: int, threads: int = 1) -> Pixels:
    """Decode a rendition of known mode and size.

    Returns:
        uint8, (height, width) for mode ``L``, else (height, width, 3 or 4).

    Raises:
        Undecodable: the rendition does not match the manifest.
        OSError, ValueError, SyntaxError: the rendition is damaged.
    """
    return pillow.read_with_alpha(
        data, "AVIF", mode=mode, width=width, height=height, threads=threads
    )


def icc_profile(data: bytes) -> bytes | None:
    """Return the colour profile of a rendition.

    Raises:
        OSError, ValueError, SyntaxError: the rendition is damaged.
    """
    return pillow.icc_profile(data, "AVIF")
