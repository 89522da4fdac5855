"""Encode and decode renditions as JPEG XL (ISO/IEC 18181), lossy or lossless.

The library writes neither colour profile nor orientation, so only uploads without them become such
renditions.
"""

from typing import Final

import numpy as np
from imagecodecs import JPEGXL, jpegxl_decode, jpegxl_encode

from slimgate.codec.containers import jxl_header
from slimgate.codec.encoders.settings import EncoderSettings
from slimgate.codec.image.pixels import Pixels, Samples, Undecodable

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


def read(
    data: bytes,
    *,
    mode: str,
    width: int,
    height: int,
    threads: int = 1,  # of all codecs
) -> Pixels:
    """Decode a rendition of known mode and size.

    Returns:
        uint8, (height, width) for mode ``L``, else (height, width, 3 or 4).

    Raises:
        Undecodable: the rendition does not match the manifest, or is damaged.
        ContainerError: not a JPEG XL file.
    """
    shape = (height, width) if mode == "L" else (height, width, _CHANNELS[mode])
    return np.asarray(read_samples(data, shape=shape, depth=8), np.uint8)


def encode_samples(samples: Samples, *, speed: int) -> bytes:
    """Encode samples without loss.

    Args:
        samples: uint8 or uint16, (height, width[, 2 to 4]).
        speed: 0 (smallest file) to 10 (fastest).
    """
    return _encode(samples, speed, lossless=True, distance=None)


def read_samples(data: bytes, *, shape: tuple[int, ...], depth: int) -> Samples:
    """Decode a rendition of known shape and depth.

    Args:
        data: file.
        shape: (height, width[, 2 to 4]).
        depth: bits of a sample, 8 or 16.

    Returns:
        uint8 or uint16, of that shape.

    Raises:
        Undecodable: the rendition does not match, or is damaged.
        ContainerError: not a JPEG XL file.
    """
    channels = shape[2] if len(shape) == 3 else 1
    expected = jxl_header.Header(shape[1], shape[0], channels, depth)
    found = jxl_header.read(data)
    if found != expected:
        raise Undecodable(f"is {found}, not {expected}")
    try:
        samples = jpegxl_decode(data, numthreads=1, keeporientation=True)
    except RuntimeError as error:  # JpegxlError among them
        raise Undecodable(f"damaged: {error}") from error
    if samples.shape != shape or samples.dtype.itemsize * 8 != depth:
        raise Undecodable("the decoded image differs from its header")
    return np.asarray(samples)


def icc_profile(data: bytes) -> bytes | None:
    """Return None: renditions of this codec have no profile."""
    del data
    return None


def _encode(pixels: Samples, speed: int, *, lossless: bool, distance: float | None) -> bytes:
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
