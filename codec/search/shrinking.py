"""Shrink images to store, as the restorer that will enlarge them prefers."""

from slimgate.codec.image import resample
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.restore.restore import Upscalers


def shrunk(pixels: Pixels, scale: int, restorer: str | None, upscalers: Upscalers) -> Pixels:
    """Return the pixels that a rendition of that scale encodes: at full size, unchanged.

    Alpha is shrunk by Lanczos's filter alone.

    Args:
        pixels: uint8, (height, width[, channels]).
        scale: integer factor.
        restorer: content hash of the restorer.
        upscalers: source of restorers.

    Returns:
        uint8, (ceil(height / scale), ceil(width / scale)[, channels]).

    Raises:
        LookupError: the restorer is not installed.
    """
    if scale == 1 or restorer is None:
        return resample.shrunk(pixels, scale)
    whole = resample.padded(pixels, scale)
    full, small = map(resample.split_planes, (whole, resample.downscale(whole, scale)))
    colours = upscalers(restorer).refine(small[0], full[0], scale)
    return resample.join_planes([colours, *small[1:]])
