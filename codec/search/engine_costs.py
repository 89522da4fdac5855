"""What networks cost on the engine at hand, which decides what an effort can afford."""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

_PASSES: Final = 2
"""Times that a network runs for one trial: for the trial, and for the proof of its result."""


class EngineCosts(NamedTuple):
    """Cost of restorers on the engine, by what its processor can do.

    Attributes:
        speed: class of the engine, for people; empty: unknown.
        per_megapixel: CPU time by scale, seconds per megapixel restored; restorers not in it cost
            nothing.
    """

    speed: str = ""
    per_megapixel: Mapping[int, float] = {}

    def trial_s(self, scale: int) -> float:
        """Return the CPU time of networks for a trial and its proof, seconds per megapixel."""
        return _PASSES * self.per_megapixel.get(scale, 0.0)

    def told(self, scale: int, budget_s: float) -> str:
        """Return why a scale is beyond a budget, for people."""
        if math.isinf(self.trial_s(scale)):
            return "networks in floating point are tried by effort best alone"
        return (
            f"x{scale} takes {self.trial_s(scale):.2f} CPU-s/MP on this engine ({self.speed}), "
            f"the effort spends {budget_s:.2f}"
        )


FREE: Final = EngineCosts()
"""An engine whose restorers cost nothing."""
