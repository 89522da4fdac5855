"""ORB similarity of one original with many restored images, whose own key points are found once.

The share equals ``codec.fidelity.orb``, which floors are about.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import cv2
import numpy as np

from codec.pixels import Pixels

_DISTANCE: Final = 50  # bits of 256
_FEATURES: Final = 500


@dataclass(frozen=True, slots=True)
class Found:
    """How much was found again.

    Attributes:
        share: Of the key points of the larger set, 0 to 1.
        matched: Of the cross-checked matches, those within the distance; None without any match.
    """

    share: float
    matched: float | None


@dataclass(frozen=True, slots=True)
class KeyPoints:
    """Descriptors of an image's ORB key points, uint8 (points, 32); None when it has none."""

    descriptors: Any

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """Find them.

        Args:
            pixels: uint8, (height, width[, channels]).
        """
        detector = cv2.ORB.create(_FEATURES)
        return cls(detector.detectAndCompute(_gray(pixels), None)[1])

    def found_in(self, other: Self) -> Found:
        """Match with those of the restored image; two images without any are alike."""
        before, after = self.descriptors, other.descriptors
        if before is None or after is None:
            return Found(1.0 if before is None and after is None else 0.0, None)
        matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(before, after)
        near = sum(match.distance <= _DISTANCE for match in matches)
        matched = near / len(matches) if matches else None
        return Found(near / max(len(before), len(after)), matched)


def _gray(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:
        return pixels
    rgb = np.ascontiguousarray(pixels[..., :3])
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
