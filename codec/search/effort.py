"""Count the work of an attempt, so that what is stored does not depend on how busy a machine is.

Each step is charged what it takes of a core by its kind and its pixels, as measured, and not what a
clock says: the number and the order of trials follow from the upload and the policy alone. Waiting
for a core, or for the process that runs networks, costs nothing.
"""

import time
from dataclasses import dataclass, field
from typing import Final

from config.policy import Codec

_PER_PIXEL: Final = 1e-6  # what follows is in seconds per megapixel, measured on one core at 3 GHz
_SLOW, _MEDIUM, _FAST = 6, 8, 10  # speeds up to which the figures of a row are for
_ENCODING: Final[dict[Codec, dict[int, float]]] = {
    "avif": {_SLOW: 0.6, _MEDIUM: 0.18, _FAST: 0.045},
    "jxl": {_SLOW: 0.6, _MEDIUM: 0.18, _FAST: 0.18},
    "webp": {_SLOW: 0.11, _MEDIUM: 0.065, _FAST: 0.065},
    "jpeg": {_SLOW: 0.02, _MEDIUM: 0.02, _FAST: 0.02},
}
_JUDGING: Final = 0.07  # decoding and all measures
_SERVING: Final = {"PNG": 0.15, "JPEG": 0.04, "WEBP": 0.35}
_RESTORING: Final = 0.3  # by a network, which another process runs
_LOSSLESS: Final = 0.6
_READING: Final = 1.0  # of words
_DEFLATING: Final = 0.06  # per megabyte

_SEARCHING: Final = 0.6
"""Share of the work that the search may take; the rest is for renditions without loss."""

_GENEROUS: Final = 5.0
"""CPU time of this process, in units of the limit, at which it ends all the same. It is far beyond
what is charged, which mostly takes 0.4 to 2.5 times as much on a core of 3 GHz, and there for
processors that are many times slower."""


def _cpu_s() -> float:
    return time.process_time()


@dataclass(slots=True)
class Work:
    """The work of one attempt.

    Attributes:
        limit_s: What it may be in all, in seconds of one core as they are charged.
        done_s: What it is so far.
    """

    limit_s: float
    done_s: float = 0.0
    _began_s: float = field(default_factory=_cpu_s)

    @property
    def is_searched(self) -> bool:
        """Return whether the search has taken its share, so that no further trial begins."""
        return self.done_s >= _SEARCHING * self.limit_s or self._is_slow

    def encode(self, pixels: int, codec: Codec, speed: int) -> None:
        """Charge the encoding of a candidate.

        Args:
            pixels: That are encoded.
            codec: What with.
            speed: Of the encoder, 0 to 10.
        """
        figures = _ENCODING[codec]
        self._charge(pixels, next(figures[most] for most in figures if speed <= most))

    def restore(self, pixels: int, *, restored: bool) -> None:
        """Charge decoding and measuring; `restored` says that a restorer does its part."""
        self._charge(pixels, _JUDGING + (_RESTORING if restored else 0.0))

    def serve(self, pixels: int, format_: str) -> None:
        """Charge the making of the file that GET would serve."""
        self._charge(pixels, _SERVING[format_])

    def read(self, pixels: int) -> None:
        """Charge the reading of words."""
        self._charge(pixels, _READING)

    def deflate(self, size: int) -> None:
        """Charge the compression of bytes."""
        self._charge(size, _DEFLATING)

    def afford_lossless(self, pixels: int) -> bool:
        """Charge an encoding without loss if there is work left for it, and tell whether."""
        if self.done_s + _PER_PIXEL * _LOSSLESS * pixels > self.limit_s or self._is_slow:
            return False
        self._charge(pixels, _LOSSLESS)
        return True

    @property
    def is_done(self) -> bool:
        """Return whether all of it is done."""
        return self.done_s >= self.limit_s or self._is_slow

    @property
    def _is_slow(self) -> bool:
        return _cpu_s() - self._began_s > _GENEROUS * self.limit_s

    def _charge(self, amount: int, seconds_per_million: float) -> None:
        self.done_s += _PER_PIXEL * seconds_per_million * amount
