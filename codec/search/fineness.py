"""A scale of AVIF qualities on which scores and bytes grow evenly.

Steps of quality are uneven: between 50 and 83, one changes scores and bytes four fifths as much as
below, and half as much as above. Fineness is the SSIMULACRA2 score beyond that of quality 50, in dB
of what scores lack to 100.
"""

from typing import Final

_MIDDLE, _FINE = 50, 83
"""Qualities between which steps are small."""

# Means over seven photographs and crops at every third quality; tuned for SSIMULACRA2, at speed 8,
# in full chroma. bench.fits finds 0.13, 0.10 and 0.19 on nine images at five qualities.
_BELOW, _BETWEEN, _ABOVE = 0.124, 0.097, 0.18
"""dB per step of quality."""

_KNEE: Final = _BETWEEN * (_FINE - _MIDDLE)

BYTES: Final = 0.30
"""Growth of the logarithm of file size per dB, measured likewise."""


def of(quality: float) -> float:
    """Return the fineness of a quality, dB; 0 for 50."""
    if quality < _MIDDLE:
        return _BELOW * (quality - _MIDDLE)
    if quality < _FINE:
        return _BETWEEN * (quality - _MIDDLE)
    return _KNEE + _ABOVE * (quality - _FINE)


def quality(fineness: float) -> float:
    """Return the quality that has a fineness, unrounded, perhaps beyond the range."""
    if fineness < 0:
        return _MIDDLE + fineness / _BELOW
    if fineness < _KNEE:
        return _MIDDLE + fineness / _BETWEEN
    return _FINE + (fineness - _KNEE) / _ABOVE
