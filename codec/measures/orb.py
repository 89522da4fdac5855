"""Find and match ORB key points: whether an image still shows what it is recognized by.

FAST finds corners that are brighter or darker than their surroundings by a threshold of 20, which
is OpenCV's default and says little about faint images: an X-ray, mist, a drawing in pale colours.
Where an image has too few key points at 20, both it and what was restored are searched at 10, at 5
and at 3, which is about what people see in a smooth area.
"""

from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np
import numpy.typing as npt

from codec.image.pixels import Pixels

ENOUGH: Final = 50
"""Key points from which a share of them tells something: of so many, a share of 0.65 is known to
about 0.07."""

_THRESHOLDS: Final = (20, 10, 5, 3)
_DISTANCE: Final = 50  # bits of 256 that may differ between the descriptors of a match
_MOST: Final = 500
_DESCRIPTOR: Final = 32  # bytes


@dataclass(frozen=True, slots=True)
class Found:
    """How many key points were found again.

    Attributes:
        share: Of the key points of the larger set, 0 to 1.
        matched: Of the cross-checked matches, those within the distance; None without any match.
    """

    share: float
    matched: float | None


@dataclass(frozen=True, slots=True)
class KeyPoints:
    """The ORB key points of an image.

    Attributes:
        threshold: Contrast from which FAST found them, of 255.
        descriptors: uint8, (points, 32).
    """

    threshold: int
    descriptors: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, original: Pixels) -> Self:
        """Find those of an upload, at the highest threshold that gives enough.

        Args:
            original: uint8, (height, width[, channels]).
        """
        gray = _gray(original)
        found = cls(_THRESHOLDS[0], _descriptors(gray, _THRESHOLDS[0]))
        for threshold in _THRESHOLDS[1:]:
            if found.are_enough:
                break
            found = cls(threshold, _descriptors(gray, threshold))
        return found

    @property
    def are_enough(self) -> bool:
        """Return whether they suffice to compare images by."""
        return len(self.descriptors) >= ENOUGH

    def found_in(self, restored: Pixels) -> Found:
        """Match with those of a restored image, found at the same threshold.

        The share is of the larger of the two sets, so that points that got lost or were invented
        count as misses. Two images without any key point are alike.

        Args:
            restored: uint8, (height, width[, channels]).
        """
        before, after = self.descriptors, _descriptors(_gray(restored), self.threshold)
        most = max(len(before), len(after))
        if not (len(before) and len(after)):
            return Found(0.0 if most else 1.0, None)
        matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(before, after)
        near = sum(match.distance <= _DISTANCE for match in matches)
        return Found(near / most, near / len(matches) if matches else None)


def orb(original: Pixels, restored: Pixels) -> float:
    """Return the share of ORB key points that find a cross-checked match within 50 of 256 bits.

    Of an image with too few of them the share says little, and floors look at the worst block
    instead (:func:`codec.measures.floors.applied`).

    Args:
        original: uint8, (height, width[, channels]).
        restored: Same shape and dtype.
    """
    return KeyPoints.of(original).found_in(restored).share


def _descriptors(gray: Pixels, threshold: int) -> npt.NDArray[np.uint8]:
    detector = cv2.ORB.create(_MOST, fastThreshold=threshold)
    points, found = detector.detectAndCompute(gray, None)
    return np.asarray(found, np.uint8) if points else np.empty((0, _DESCRIPTOR), np.uint8)


def _gray(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:
        return pixels
    rgb = np.ascontiguousarray(pixels[..., :3])
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
