"""Find the lowest quality that holds, in few trials.

Each measure grows nearly evenly with quality, so a line through what was measured says where it
meets the floor. The bracket of known failures and successes keeps the lines honest.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from codec.search.verdicts import Verdict

LOWEST, HIGHEST = 8, 96
"""Qualities that are tried: beyond, nothing is saved or nothing holds."""

# What one step of quality adds to a margin (codec.measures.floors.margins), until two trials tell
# better: means over 36 images of open licences, AVIF qualities 30 to 70.
_SLOPES: Final = {
    "psnr_db": 0.22,
    "block_psnr_db": 0.15,
    "ssim": 0.19,
    "orb": 0.012,
    "text": 0.005,
}
_STEEPEST: Final = 6.0  # a line so many times steeper than the mean, or flatter, is an accident:
_FLATTEST: Final = 6.0  # near what shrinking allows lines are flat, near no loss they are steep
_BYTES_SLOPE: Final = 0.036  # growth of the logarithm of a file's bytes per step, measured alike


@dataclass(slots=True)
class Search:
    """What is known about the qualities of one candidate.

    Attributes:
        low: Highest quality that is known to fail, or one below the range.
        high: Lowest quality that is known to hold or to be too big, or one above the range.
        usual: Slopes that are expected, where better ones are known than the usual.
    """

    low: int = LOWEST - 1
    high: int = HIGHEST + 1
    usual: Mapping[str, float] = field(default_factory=dict)
    _margins: dict[str, dict[int, float]] = field(default_factory=dict)

    def note(self, quality: int, verdict: Verdict, margins: Mapping[str, float]) -> None:
        """Note the verdict of a trial; what neither held nor failed is out of question.

        A file that does not fit is smoother, and smaller, at a lower quality.
        """
        if verdict is Verdict.HOLDS:
            self.holds(quality, margins)
        elif verdict is Verdict.BELOW_FLOOR:
            self.fails(quality, margins)
        else:
            self.cap(quality)
            self._note(quality, margins)

    def fails(self, quality: int, margins: Mapping[str, float]) -> None:
        """Note a quality that is below the floor."""
        self.low = max(self.low, quality)
        self._note(quality, margins)

    def holds(self, quality: int, margins: Mapping[str, float]) -> None:
        """Note a quality that holds."""
        self.high = min(self.high, quality)
        self._note(quality, margins)

    def cap(self, quality: int) -> None:
        """Note a quality that is out of question, as every higher one is."""
        self.high = min(self.high, quality)

    def target(self) -> float | None:
        """Say where the floor is expected, unrounded; None before anything was measured."""
        zeros = [self._zero(name, points) for name, points in self._margins.items() if points]
        return max(zeros) if zeros else None

    def next(self, *, spare: float = 0.0) -> int | None:
        """Choose the quality to try next.

        Args:
            spare: Steps of quality to stay above what is expected.

        Returns:
            A quality strictly inside of the bracket; None when there is none left.
        """
        if self.high - self.low < 2:
            return None
        target = self.target()
        wished = (self.low + self.high) // 2 if target is None else math.ceil(target + spare)
        return min(max(wished, self.low + 1), self.high - 1)

    def _note(self, quality: int, margins: Mapping[str, float]) -> None:
        for name, margin in margins.items():
            self._margins.setdefault(name, {})[quality] = margin

    def slopes(self) -> dict[str, float]:
        """Give the slopes that were found between trials."""
        return {
            name: self._slope(name, points)
            for name, points in self._margins.items()
            if len(points) > 1
        }

    def _zero(self, name: str, points: dict[int, float]) -> float:
        first = min(points, key=lambda quality: abs(points[quality]))
        return first - points[first] / self._slope(name, points)

    def _slope(self, name: str, points: dict[int, float]) -> float:
        mean = _SLOPES[name]
        usual = self.usual.get(name, mean)
        if len(points) < 2:
            return usual
        first, second = sorted(points, key=lambda quality: abs(points[quality]))[:2]
        rise = (points[first] - points[second]) / (first - second)
        return rise if mean / _FLATTEST < rise < mean * _STEEPEST else usual


def expected_bytes(size: int, quality: int, wanted: float) -> float:
    """Estimate a file's size at another quality from its size at one."""
    return size * math.exp(_BYTES_SLOPE * (wanted - quality))


def qualities_between(small: float, large: float) -> float:
    """Estimate how many steps of quality lie between two sizes of a file."""
    return math.log(large / small) / _BYTES_SLOPE
