"""Learn to restore: one network, from pairs of small images and their originals."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor, nn

from slimgate.models.training import devices, validation
from slimgate.models.training.datasets import Data
from slimgate.models.training.initialization import build
from slimgate.models.training.measures import fidelity_loss, gain_by_label
from slimgate.models.training.network import Stack
from slimgate.models.training.patches import Patches
from slimgate.models.training.settings import Run
from slimgate.models.training.task import Validation, Weights
from slimgate.models.training.validation import Fidelity

_CALIBRATION: Final = 32  # batches for measuring the range of activations


class Restoring:
    """A network that restores; see :class:`slimgate.models.training.task.Task`.

    Args:
        run: configuration.
        data: training data.
        device: device to compute on.

    Raises:
        Unusable: the start checkpoint does not fit.
        NoImages: every image is smaller than a patch.
    """

    max_norm = 1.0

    def __init__(self, run: Run, data: Data, device: torch.device) -> None:
        self._run, self._data, self._device = run, data, device
        self._patches = Patches.of(run, data.learning)
        calibration = (self._patches.draw()[0] for _ in range(_CALIBRATION))
        self.network: nn.Module = build(run, calibration).to(device)
        self._start: Fidelity | None = None

    def groups(self) -> Sequence[tuple[nn.Module, float]]:
        """Return the network."""
        return [(self.network, 1.0)]

    def begin(self, network: nn.Module) -> None:
        """Measure what guards compare with, unless the state has that."""
        if self._run.perceptual and self._start is None:
            self._start = self._fidelity(network)

    def loss(self, step: int) -> Tensor:
        """Return the loss of the next pairs."""
        small, full = (each.to(self._device) for each in self._patches.draw())
        with devices.mixed(self._device, self._run.precision, integer=self._run.integer):
            # Channels last: convolutions in bfloat16 take a sixth less time on processors.
            residual = self.network(small.contiguous(memory_format=torch.channels_last))
        decibels = step >= self._run.schedule.psnr_from * self._run.schedule.steps
        seen = self._run.perceptual
        return fidelity_loss(residual.float(), small, full, decibels=decibels, seen=seen)

    def accepts(self, norms: Sequence[float]) -> bool:  # see Task
        """Take every step."""
        return True

    def validate(self, network: nn.Module) -> Validation:
        """Rank by PSNR, or by score if trained for that."""
        if self._start is None:
            stack = cast("Stack", network)
            gains = gain_by_label(stack, self._data.validating, self._device)
            mean = float(np.mean([gain for values in gains.values() for gain in values]))
            return Validation(mean, mean, {})
        return validation.ranked(self._fidelity(network), self._start)

    def weights(self, network: nn.Module) -> Weights:
        """Return the weights of the network."""
        return Weights({name: value.cpu() for name, value in network.state_dict().items()})

    def state(self) -> Mapping[str, object]:
        """Return measures at the start, and the state of the random generator."""
        return {
            "start": None if self._start is None else asdict(self._start),
            "random": json.dumps(self._patches.random.bit_generator.state),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue drawing pairs where the run stopped."""
        self._patches.random.bit_generator.state = json.loads(state["random"])
        start = state.get("start")
        self._start = None if start is None else validation.parsed(start)

    def _fidelity(self, network: nn.Module) -> Fidelity:
        return validation.fidelity(cast("Stack", network), self._data.validating, self._device)
