"""Write and read renditions as JPEG XL (ISO/IEC 18181), with loss or without.

The library writes neither a colour profile nor an orientation, so only uploads that have none
become such renditions.
"""

from typing import Final

import numpy as np
from imagecodecs import JPEGXL, jpegxl_decode, jpegxl_encode

from codec.containers import jxl_header
from codec.image.pixels import Pixels, Undecodable

MIME: Final = "image/jxl"
MAX_SIDE: Final = 65_535  # the format knows more, but manifests end there

_CHANNELS: Final = {"L": 1, "RGB": 3, "RGBA": 4}


def installed() -> bool:
    """Return whether imagecodecs was built with JPEG XL."""
    return bool(JPEGXL.available)


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
    """Encode pixels of an upload without profile and orientation.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
        quality: 0 (smallest) to 100.
        subsampling: Makes no difference: the codec thins nothing out. Colours below a transparent
            alpha are lost, which is measured like any other loss.
        speed: 0 (smallest file) to 10 (fastest).
        tune: Makes no difference.
        icc: None.
        orientation: 1.

    Raises:
        ValueError: There is a profile or an orientation.
    """
    del subsampling, tune
    _check_plain(icc, orientation)
    return _encode(pixels, speed, lossless=False, distance=_distance(quality))


def encode_lossless(
    pixels: Pixels, *, speed: int, icc: bytes | None = None, orientation: int = 1
) -> bytes:
    """Encode pixels without loss; arguments and errors as for :func:`encode`."""
    _check_plain(icc, orientation)
    return _encode(pixels, speed, lossless=True, distance=None)


def read(data: bytes, *, mode: str, width: int, height: int) -> Pixels:
    """Decode a rendition of which mode and size are known.

    Returns:
        uint8, (height, width) for mode ``L``, else (height, width, 3 or 4).

    Raises:
        Undecodable: It is not what the manifest says, or it is damaged.
        ContainerError: It is no JPEG XL file.
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
        raise Undecodable("decodes otherwise than its header says")
    return np.asarray(pixels)


def icc_profile(data: bytes) -> bytes | None:
    """Give None: renditions of this codec carry no profile."""
    del data
    return None


def _encode(pixels: Pixels, speed: int, *, lossless: bool, distance: float | None) -> bytes:
    encoded = jpegxl_encode(
        np.ascontiguousarray(pixels),
        effort=min(9, max(3, 13 - speed)),
        distance=distance,
        lossless=lossless,
        usecontainer=True,  # the kept header segments go into a box
        numthreads=1,  # one worker process per core already
    )
    return bytes(encoded)


def _distance(quality: int) -> float:
    """Translate a quality as libjxl does (``JxlEncoderDistanceFromQuality``)."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _check_plain(icc: bytes | None, orientation: int) -> None:
    if icc is not None or orientation != 1:
        raise ValueError("JPEG XL is written without profile and orientation; use another codec")
