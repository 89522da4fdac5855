"""Encode and decode renditions as JPEG XL (ISO/IEC 18181), lossy or lossless.

The library writes neither colour profile nor orientation, so only uploads without them become such
renditions.
"""

from typing import Final

import numpy as np
from imagecodecs import JPEGXL, jpegxl_decode, jpegxl_encode

from codec.containers import jxl_header
from codec.encoders.settings import EncoderSettings
from codec.image.pixels import Pixels, Undecodable

MIME: Final = "image/jxl"
MAX_SIDE: Final = 65_535  # the limit of manifests; the format allows more

_CHANNELS: Final = {"L": 1, "RGB": 3, "RGBA": 4}


def installed() -> bool:
    """Return whether imagecodecs was built with JPEG XL."""
    return bool(JPEGXL.available)


def encode(pixels: Pixels, settings: EncoderSettings) -> bytes:
    """Encode pixels of an upload without profile and orientation.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
        settings: subsampling and tune are ignored. Colours under transparent alpha are lost, which
            is measured like any other loss.

    Raises:
        ValueError: a profile or an orientation is set.
    """
    _check_plain(settings.icc, settings.orientation)
    return _encode(pixels, settings.speed, lossless=False, distance=_distance(settings.quality))


def encode_lossless(
    pixels: Pixels, *, speed: int, icc: bytes | None = None, orientation: int = 1
) -> bytes:
    """Encode pixels without loss; further arguments are encoder settings.

    Raises:
        ValueError: a profile or an orientation is set.
    """
    _check_plain(icc, orientation)
    return _encode(pixels, speed, lossless=True, distance=None)


def read(data: bytes, *, mode: str, width: int, height: int) -> Pixels:
    """Decode a rendition of known mode and size.

    Returns:
        uint8, (height, width) for mode ``L``, else (height, width, 3 or 4).

    Raises:
        Undecodable: the rendition does not match the manifest, or is damaged.
        ContainerError: not a JPEG XL file.
    """
    found = jxl_header.read(data)
    if found != jxl_header.Header(width, height, _CHANNELS[mode]):
        expected = f"{mode} {width}x{height}"
        raise Undecodable(f"is {found}, not {expected}")
    try:
        pixels = jpegxl_decode(data, numthreads=1, keeporientation=True)
    except RuntimeError as error:  # JpegxlError among them
        raise Undecodable(f"damaged: {error}") from error
    shape = (height, width) if mode == "L" else (height, width, _CHANNELS[mode])
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise Undecodable("the decoded image differs from its header")
    return np.asarray(pixels)


def icc_profile(data: bytes) -> bytes | None:
    """Return None: renditions of this codec have no profile."""
    del data
    return None


def _encode(pixels: Pixels, speed: int, *, lossless: bool, distance: float | None) -> bytes:
    encoded = jpegxl_encode(
        np.ascontiguousarray(pixels),
        effort=min(9, max(3, 13 - speed)),
        distance=distance,
        lossless=lossless,
        usecontainer=True,  # a box holds the header segments
        numthreads=1,  # there is one worker process per core
    )
    return bytes(encoded)


def _distance(quality: int) -> float:
    """Return the distance of a quality, like libjxl's ``JxlEncoderDistanceFromQuality``."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _check_plain(icc: bytes | None, orientation: int) -> None:
    if icc is not None or orientation != 1:
        raise ValueError("JPEG XL is written without profile and orientation; use another codec")
