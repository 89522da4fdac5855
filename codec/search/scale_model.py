"""Predict what a downscaled candidate needs from what full size needs, before trying it.

What a score lacks to 100 adds up like errors: a power of what a downscaled image lacks is that of
its ceiling, restored without a codec, plus that of the codec, which weighs more than at full size.
"""

import math
from typing import Final, NamedTuple

from slimgate.codec.measures import ssimulacra2
from slimgate.codec.search import fineness

_POWER: Final = 2.5
"""Power at which they add up."""

# AVIF at speed 8, tuned for SSIMULACRA2, on nine photographs and crops at scores of 55 to 80
# (bench.fits); on eight others, the quality of x2 is predicted to 3.4 steps. x4 is extrapolated.
_HARDER_DB: Final = {2: 2.08, 3: 3.59, 4: 5.3}
"""Fineness beyond that of full size which makes up for what a codec takes more, dB."""

_SMALLER: Final = {2: 1.01, 3: 1.50, 4: 2.05}
"""Logarithm of the size at full size to that at the same quality."""


class Prediction(NamedTuple):
    """What a downscaled candidate is expected to need.

    Attributes:
        quality: quality that holds.
        size: size of the rendition, relative to full size.
    """

    quality: float
    size: float


def predicted(full: float, demanded: float, ceiling: float, scale: int) -> Prediction | None:
    """Return what a scale is expected to need; None: no quality holds.

    Args:
        full: quality that holds at full size.
        demanded: SSIMULACRA2 score of the floor.
        ceiling: score of the image, shrunk and restored without a codec.
        scale: downscale factor.
    """
    finer_db = left_db(demanded, ceiling)
    if finer_db is None:
        return None
    finer_db += _HARDER_DB[scale]
    quality = fineness.quality(fineness.of(full) + finer_db)
    return Prediction(quality, math.exp(fineness.BYTES * finer_db - _SMALLER[scale]))


def left_db(demanded: float, ceiling: float) -> float | None:
    """Return how much finer a codec must be because of what is lost without it, dB.

    Args:
        demanded: SSIMULACRA2 score of the floor.
        ceiling: score without a codec.

    Returns:
        At least 0; None: no codec is fine enough.
    """
    left = (100 - demanded) ** _POWER - max(0, 100 - ceiling) ** _POWER
    if left <= 0:
        return None
    return ssimulacra2.decibels(100 - left ** (1 / _POWER)) - ssimulacra2.decibels(demanded)


def score_left(demanded: float, ceiling: float, scale: int) -> float:
    """Return the score that a codec must keep of the small image for both losses to hold a floor.

    Args:
        demanded: SSIMULACRA2 score of the floor.
        ceiling: score without a codec.
        scale: downscale factor.
    """
    finer_db = left_db(demanded, ceiling)
    if finer_db is None:
        return 100.0
    return 100 - (100 - demanded) * 10 ** (-(finer_db + _HARDER_DB[scale]) / 10)
