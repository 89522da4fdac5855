"""Leave out steps whose error is far from usual: one is enough to ruin a downscaler."""

import math
from collections.abc import Sequence
from typing import Final

from slimgate.models.training.errors import Diverged

_FACTOR: Final = 6.0
_MEMORY: Final = 50  # steps of the running mean
_SETTLING: Final = 20  # steps before which nothing is known to be usual
_PATIENCE: Final = 50  # steps in a row


class Spikes:
    """Decides which steps to take, by the running mean of an error.

    Attributes:
        usual: running mean.
        taken: steps in it.
        skipped: steps left out so far.
        row: of these, the last ones in a row.
    """

    def __init__(self) -> None:
        self.usual = 0.0
        self.taken = 0
        self.skipped = 0
        self.row = 0

    def accepts(self, error: float | None, norms: Sequence[float]) -> bool:
        """Return whether to take a step.

        Args:
            error: of its batch, positive; None if it does not compare with the others.
            norms: of its gradients.

        Raises:
            Diverged: the last 50 steps were left out.
        """
        seen = [] if error is None else [error]
        limit = _FACTOR * self.usual if self.taken >= _SETTLING else math.inf
        if any(value > limit for value in seen) or not all(map(math.isfinite, [*norms, *seen])):
            self.skipped, self.row = self.skipped + 1, self.row + 1
            if self.row >= _PATIENCE:
                raise Diverged(
                    f"{_PATIENCE} steps in a row were far from usual: lower schedule.rate and "
                    "downscaler.rate, remove the run's folder and restart"
                )
            return False
        self.row = 0
        for value in seen:
            self.taken += 1
            self.usual += (value - self.usual) / min(self.taken, _MEMORY)
        return True
