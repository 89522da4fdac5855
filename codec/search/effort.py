"""Account for the work of an attempt, so that results do not depend on the load of the machine.

Each step is charged measured core-seconds for its kind and pixels, not elapsed time: the number and
order of trials depend on the upload and the policy alone. Waiting for a core, or for the engine,
is free.
"""

import time
from dataclasses import dataclass, field
from typing import Final

_PER_PIXEL: Final = 1e-6  # figures are seconds per megapixel on one core at 3 GHz
_SLOW, _MEDIUM, _FAST = 6, 8, 10  # highest encoder speed of each column
_ENCODING: Final[dict[str, dict[int, float]]] = {
    "avif": {_SLOW: 0.6, _MEDIUM: 0.18, _FAST: 0.045},
    "jxl": {_SLOW: 0.6, _MEDIUM: 0.18, _FAST: 0.18},
    "webp": {_SLOW: 0.11, _MEDIUM: 0.065, _FAST: 0.065},
    "jpeg": {_SLOW: 0.02, _MEDIUM: 0.02, _FAST: 0.02},
}
_JUDGING: Final = 0.07  # decoding and all measures
_SCORING: Final = 0.08  # SSIMULACRA2, the upload's side of it included
_SERVING: Final = {"PNG": 0.15, "JPEG": 0.04, "WEBP": 0.35}
_RESTORING: Final = 0.3  # waiting for the engine's network
_REFINING: Final = 0.15  # waiting for the network that shrinks, about half of one that restores
_LOSSLESS: Final = 0.6
_READING: Final = 1.0  # text recognition
_DEFLATING: Final = 0.06  # per megabyte

_SEARCHING: Final = 0.6
"""Share of the work for the lossy search; the rest is for lossless renditions."""

_GENEROUS: Final = 5.0
"""Factor on the limit at which CPU time of this process ends the search. Charged work mostly
corresponds to 0.4 to 2.5 times as much on a core of 3 GHz; this protects much slower CPUs."""


def _cpu_s() -> float:
    return time.process_time()


@dataclass(slots=True)
class Work:
    """The work of one attempt.

    Attributes:
        limit_s: limit, in charged core-seconds.
        done_s: work charged so far, core-seconds.
    """

    limit_s: float
    done_s: float = 0.0
    _began_s: float = field(default_factory=_cpu_s)

    @property
    def is_searched(self) -> bool:
        """Return whether the search has used its share, so that no trial may start."""
        return self.done_s >= _SEARCHING * self.limit_s or self._is_slow

    def encode(self, pixels: int, codec: str, speed: int) -> None:
        """Charge the encoding of a candidate.

        Args:
            pixels: number of pixels encoded.
            codec: codec.
            speed: encoder speed, 0 to 10.
        """
        figures = _ENCODING[codec]
        self._charge(pixels, next(figures[most] for most in figures if speed <= most))

    def restore(self, pixels: int, *, restored: bool) -> None:
        """Charge decoding and measuring; `restored`: with a restorer."""
        self._charge(pixels, _JUDGING + (_RESTORING if restored else 0.0))

    def refine(self, pixels: int) -> None:
        """Charge shrinking with the network of a restorer."""
        self._charge(pixels, _REFINING)

    def score(self, pixels: int, times: int) -> None:
        """Charge comparisons by SSIMULACRA2.

        Args:
            pixels: pixels of the image.
            times: number of comparisons.
        """
        self._charge(times * pixels, _SCORING)

    def serve(self, pixels: int, format_: str) -> None:
        """Charge encoding the file that GET would serve."""
        self._charge(pixels, _SERVING[format_])

    def read(self, pixels: int) -> None:
        """Charge text recognition."""
        self._charge(pixels, _READING)

    def deflate(self, size: int) -> None:
        """Charge compression."""
        self._charge(size, _DEFLATING)

    def afford_lossless(self, pixels: int) -> bool:
        """Charge a lossless encoding if work is left for it; return whether it is."""
        if self.done_s + _PER_PIXEL * _LOSSLESS * pixels > self.limit_s or self._is_slow:
            return False
        self._charge(pixels, _LOSSLESS)
        return True

    @property
    def is_done(self) -> bool:
        """Return whether the work is used up."""
        return self.done_s >= self.limit_s or self._is_slow

    @property
    def _is_slow(self) -> bool:
        return _cpu_s() - self._began_s > _GENEROUS * self.limit_s

    def _charge(self, amount: int, seconds_per_million: float) -> None:
        self.done_s += _PER_PIXEL * seconds_per_million * amount
