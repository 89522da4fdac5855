"""What a run learns, as its loop sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from slimgate.models.training.run_files import StateDict


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Weights of networks by name.

    Attributes:
        restorer: network that restores.
        downscaler: network that shrinks, if the run trains one.
    """

    restorer: StateDict
    downscaler: StateDict | None = None


@dataclass(frozen=True, slots=True)
class Validation:
    """Measures of a network on validation images.

    Attributes:
        gain_db: PSNR over bicubic, dB.
        rank: what checkpoints are chosen by; higher is better.
        measures: other measures by name.
    """

    gain_db: float
    rank: float
    measures: Mapping[str, float]


class Task(Protocol):
    """Networks, their loss and their validation."""

    network: nn.Module
    """All weights that are learned, on their device."""
    max_norm: float
    """Gradients of each group are scaled down to this norm."""

    def groups(self) -> Sequence[tuple[nn.Module, float]]:
        """Return the parts of the network, with factors of the learning rate."""
        ...

    def begin(self, network: nn.Module) -> None:
        """Measure what a run begins with, unless its state has that."""
        ...

    def loss(self, step: int) -> Tensor:
        """Draw the next batch; return its loss."""
        ...

    def accepts(self, norms: Sequence[float]) -> bool:
        """Return whether to take the step of the last loss.

        Args:
            norms: of the gradients of each group.

        Raises:
            Diverged: none was acceptable for long.
        """
        ...

    def validate(self, network: nn.Module) -> Validation:
        """Validate averaged weights, in a network of the same shape."""
        ...

    def weights(self, network: nn.Module) -> Weights:
        """Return the weights to store in a checkpoint."""
        ...

    def state(self) -> Mapping[str, object]:
        """Return what resuming needs beside weights."""
        ...

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue from a result of :meth:`state`."""
        ...
