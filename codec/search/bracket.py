"""Find the lowest quality that holds, in few trials.

Each measure grows almost linearly with quality, so a line through the measurements predicts where
it meets the floor. The bracket of known failures and successes bounds the prediction.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from slimgate.codec.search.verdicts import Verdict

LOWEST, HIGHEST = 8, 96
"""Range of qualities: beyond it, nothing is saved or nothing holds."""

# Prior slopes: gain of each margin (codec.measures.floors.margins) per step of quality until two
# trials measure it. Means over 36 images of open licences, AVIF qualities 30 to 70.
_SLOPES: Final = {
    "psnr_db": 0.22,
    "block_psnr_db": 0.15,
    "ssim": 0.19,
    "orb": 0.012,
    "ssimulacra2": 0.135,
    "ssimulacra2_worst": 0.135,
    "text": 0.005,
}
_STEEPEST: Final = 6.0  # slopes beyond this factor of the prior are outliers: near the ceiling of
_FLATTEST: Final = 6.0  # a downscale curves are flat, near lossless they are steep
BYTES_SLOPE: Final = 0.036  # growth of the logarithm of file size per step, measured likewise
_SCORES: Final = ("ssimulacra2", "ssimulacra2_worst")
_APART: Final = 8  # steps between qualities that tell a flat curve
_FAR_DB: Final = 0.5  # distance to the floor that no flat curve makes up for


@dataclass(slots=True)
class QualityBracket:
    """Knowledge about the qualities of one candidate.

    Attributes:
        low: highest quality known to fail, or one below the range.
        high: lowest quality known to hold or to be too big, or one above the range.
        usual: prior slopes that replace the defaults.
        steady: weight of prior slopes beside those between two trials, steps of quality.
        alike: returns the qualities that give the same file as one.
    """

    low: int = LOWEST - 1
    high: int = HIGHEST + 1
    usual: Mapping[str, float] = field(default_factory=dict)
    steady: float = 0.0
    alike: Callable[[int], range] = lambda quality: range(quality, quality + 1)
    _margins: dict[str, dict[int, float]] = field(default_factory=dict)

    def note(self, quality: int, verdict: Verdict, margins: Mapping[str, float]) -> None:
        """Record the verdict of a trial; verdicts other than holding or failing cap the quality.

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
        """Record a quality that is below the floor."""
        self.low = max(self.low, self.alike(quality)[-1])
        self._note(quality, margins)

    def holds(self, quality: int, margins: Mapping[str, float]) -> None:
        """Record a quality that holds."""
        self.high = min(self.high, self.alike(quality)[0])
        self._note(quality, margins)

    def cap(self, quality: int) -> None:
        """Exclude a quality and all higher ones."""
        self.high = min(self.high, self.alike(quality)[0])

    def middle(self, quality: int) -> float:
        """Return the middle of the qualities that give the same file as one."""
        same = self.alike(quality)
        return (same[0] + same[-1]) / 2

    def target(self) -> float | None:
        """Return where the floor is expected, unrounded; None before any measurement."""
        zeros = [self._zero(name, points) for name, points in self._margins.items() if points]
        return max(zeros) if zeros else None

    @property
    def is_stuck(self) -> bool:
        """Return whether a score below the floor hardly moves with quality.

        Codecs without full range of colours cannot reach a score on some flat drawings.
        """
        return any(_is_flat(_SLOPES[name], self._margins.get(name, {})) for name in _SCORES)

    def next(self, *, spare: float = 0.0) -> int | None:
        """Return the next quality to try.

        Args:
            spare: margin above the expected quality, steps.

        Returns:
            A quality strictly inside the bracket, or None.
        """
        if self.high - self.low < 2:
            return None
        target = self.target()
        wished = (self.low + self.high) // 2 if target is None else math.ceil(target + spare)
        return min(max(wished, self.low + 1), self.high - 1)

    def saving(self, sizes: Mapping[int, int], quality: int) -> float:
        """Return the expected saving of a trial, in prior steps of quality.

        Qualities that give one file count alike. What lies below the expected quality of the floor
        saves nothing.

        Args:
            sizes: sizes by the qualities tried, bytes.
            quality: quality of the trial.
        """
        target = self.target()
        above, least = self.middle(self.high), self.middle(quality)
        saved = above - (least if target is None else max(least, target))
        files = {self.middle(tried): size for tried, size in sizes.items()}
        below = max((middle for middle in files if middle < above), default=None)
        if below is None or above not in files:
            return saved
        steepness = qualities_between(files[below], files[above]) / (above - below)
        return saved * max(1.0, steepness)

    def _note(self, quality: int, margins: Mapping[str, float]) -> None:
        for name, margin in margins.items():
            self._margins.setdefault(name, {})[quality] = margin

    def slopes(self) -> dict[str, float]:
        """Return the slopes measured between trials."""
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
        apart = abs(first - second)
        rise = (points[first] - points[second]) / (first - second)
        rise = (rise * apart + usual * self.steady) / (apart + self.steady)
        return rise if mean / _FLATTEST < rise < mean * _STEEPEST else usual


def _is_flat(slope: float, margins: dict[int, float]) -> bool:
    """Return whether the two highest qualities, well apart, fail by almost the same margin."""
    if len(margins) < 2:
        return False
    below, above = sorted(margins)[-2:]
    gain = margins[above] - margins[below]
    flat = gain < slope / _FLATTEST * (above - below)
    return flat and above - below >= _APART and margins[above] < -_FAR_DB


def expected_bytes(size: int, quality: int, wanted: float) -> float:
    """Return the expected size of a file at another quality."""
    return size * math.exp(BYTES_SLOPE * (wanted - quality))


def qualities_between(small: float, large: float) -> float:
    """Return the expected number of quality steps between two sizes of a file."""
    return math.log(large / small) / BYTES_SLOPE
