"""Predict what a downscaled candidate needs from what full size needs, before trying it.

What a score lacks to 100 adds up like errors: the square of what a downscaled image lacks is that
of its ceiling, restored without a codec, plus that of the codec, which weighs more than at full
size.
"""

import math
from typing import Final, NamedTuple

from codec.measures import ssimulacra2
from codec.search.bracket import BYTES_SLOPE

# AVIF at speed 8 on samples of nine photographs of 3 to 13 megapixels, qualities 35 to 85.
_HARDER_DB: Final = {2: 1.77, 3: 2.80, 4: 3.60}
"""What a codec takes from a score at the same quality, as compared with full size, dB; standard
deviation 0.5."""

_SMALLER: Final = {2: 0.92, 3: 1.49, 4: 1.90}
"""Logarithm of the size at full size to that at the same quality; standard deviation 0.2."""

_SCORE_SLOPE: Final = 0.12
"""Distance to 100 per step of quality at full size, dB: mean over the same photographs."""


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
    left = (100 - demanded) ** 2 - (100 - ceiling) ** 2
    if left <= 0:
        return None
    finer_db = ssimulacra2.decibels(100 - math.sqrt(left)) - ssimulacra2.decibels(demanded)
    steps = (finer_db + _HARDER_DB[scale]) / _SCORE_SLOPE
    return Prediction(full + steps, math.exp(BYTES_SLOPE * steps - _SMALLER[scale]))
