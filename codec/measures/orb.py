"""Detect and match ORB key points: whether an image still shows what it is recognized by.

FAST detects corners that differ from their surroundings by a threshold, 20 by default in OpenCV,
which misses faint images: X-rays, mist, drawings in pale colours. If an image has too few key
points at 20, both images are searched at 10, 5 and 3, about what people see in a smooth area.
"""

from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np
import numpy.typing as npt

from slimgate.codec.image.pixels import Pixels

ENOUGH: Final = 50
"""Minimum number of key points for a meaningful share: with this many, a share of 0.65 has an error
of about 0.07."""

_THRESHOLDS: Final = (20, 10, 5, 3)
_DISTANCE: Final = 50  # bits of 256 that may differ between the descriptors of a match
_MOST: Final = 500

_STABLE: Final = 0.8
"""Share of key points that survives a change which cannot be seen: 0.86 to 0.97 for 78 of 82 images
of 11 classes, 0.48 to 0.77 for a faint texture, a pale poster and two bilevel scans."""

_UNSEEN: Final = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
_DESCRIPTOR: Final = 32  # bytes


@dataclass(frozen=True, slots=True)
class Found:
    """Result of matching key points.

    Attributes:
        share: share of key points of the larger set that match, 0 to 1.
        matched: share of cross-checked matches within the distance; None without any match.
    """

    share: float
    matched: float | None


@dataclass(frozen=True, slots=True)
class KeyPoints:
    """The ORB key points of an image.

    Attributes:
        threshold: FAST threshold, of 255.
        descriptors: uint8, (points, 32).
    """

    threshold: int
    descriptors: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, original: Pixels) -> Self:
        """Detect the key points of an upload, at the highest threshold that yields enough.

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
        """Return whether there are enough key points for a comparison."""
        return len(self.descriptors) >= ENOUGH

    def are_unstable_in(self, original: Pixels) -> bool:
        """Return whether many key points get lost by a change that cannot be seen.

        They say little then about what people see. Those of faint images, found at lower
        thresholds, count as stable: they are all that such an image shows.

        Args:
            original: upload whose key points these are.
        """
        if self.threshold < _THRESHOLDS[0]:
            return False
        coded = cv2.imencode(".jpg", _gray(original), _UNSEEN)[1]
        return self.found_in(np.asarray(cv2.imdecode(coded, 0), np.uint8)).share < _STABLE

    def found_in(self, restored: Pixels) -> Found:
        """Match with a restored image's key points, detected at the same threshold.

        The share refers to the larger set, so that lost and invented points count as misses. Two
        images without key points are alike.

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
    """Return the share of ORB key points with a cross-checked match within 50 of 256 bits.

    With too few key points the share is meaningless, and floors demand the worst block instead
    (:func:`slimgate.codec.measures.floors.applied`).

    Args:
        original: uint8, (height, width[, channels]).
        restored: same shape and dtype.
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
