"""Learn to shrink and to restore together, for the score at equal bytes.

Every step shrinks patches, codes them with a real encoder and restores them. What restoring misses
and what coding takes are weighed against each other as the encoder does by its quality. Some
batches go through other codecs, or are shrunk by Lanczos' filter, so that the restorer stays good
at renditions that exist and at codecs of which there is no model; the downscaler learns nothing
from those.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor, nn

from slimgate.models.training import coding_model, devices, equal_bytes, perceptual, price
from slimgate.models.training.batch_coding import Coded, code, with_level
from slimgate.models.training.data_settings import Coding
from slimgate.models.training.datasets import Data
from slimgate.models.training.downscaling import channels, pixel_values
from slimgate.models.training.equal_bytes import Curve
from slimgate.models.training.initialization import build_downscaler, build_float, rounded
from slimgate.models.training.measures import log_error, without_edges
from slimgate.models.training.network import Stack, interpolate
from slimgate.models.training.pairs import Choice, choose
from slimgate.models.training.patches import Patches
from slimgate.models.training.price import Price
from slimgate.models.training.run_files import StateDict
from slimgate.models.training.settings import Downscaler, Run
from slimgate.models.training.spikes import Spikes
from slimgate.models.training.task import Validation, Weights
from slimgate.models.training.validation import ranked

_CALIBRATION: Final = 32  # batches for measuring the range of activations
_UNIT: Final = 0.05  # of the loss, which is a logarithm of bytes
_OTHER_PRICE: Final = 4.0  # error per e-fold of bytes where it is not measured: about that at 60
_LANCZOS_SHARE: Final = 0.5  # of batches that the downscaler does not learn from


class Networks(nn.Module):  # type: ignore[misc, unused-ignore]  # torch may be missing
    """A downscaler, and the network that restores what it shrinks."""

    def __init__(self, downscaler: nn.Module, restorer: nn.Module) -> None:
        super().__init__()
        self.downscaler, self.restorer = downscaler, restorer


class Joint:
    """A downscaler and a restorer; see :class:`slimgate.models.training.task.Task`.

    Args:
        run: configuration.
        shape: its downscaler.
        data: training data, not coded.
        device: device to compute on.

    Raises:
        Unusable: the start checkpoint does not fit.
        NoImages: every image is smaller than a patch.
    """

    max_norm = 0.5

    _price: Price

    def __init__(self, run: Run, shape: Downscaler, data: Data, device: torch.device) -> None:
        self._run, self._data, self._device = run, data, device
        self._shape = shape
        self._patches = Patches.of(run, data.learning)
        weights = np.array([coding.weight for coding in run.data.codings], np.float64)
        self._shares = weights / weights.sum()
        floats = Networks(build_downscaler(run, shape), build_float(run))
        self.network: nn.Module = floats.to(device)
        if run.integer:
            self.network = self._rounded(floats).to(device)
        self._start: list[Curve] = []
        self._spikes = Spikes()
        self._error: float | None = None

    def groups(self) -> Sequence[tuple[nn.Module, float]]:
        """Return both networks; the rate of the schedule is that of the restorer."""
        factor = self._shape.rate / self._run.schedule.rate
        return [(self._networks.restorer, 1.0), (self._networks.downscaler, factor)]

    def begin(self, network: nn.Module) -> None:
        """Measure prices, and what later validations compare with, unless the state has them."""
        if self._start:
            return
        with torch.no_grad():
            self._price = price.measured(self._trial)
        self._start = self._curves(network)

    def loss(self, step: int) -> Tensor:  # see Task
        """Return the loss of the next patches."""
        full, lanczos = self._drawn()
        random = self._patches.random
        coding = self._run.data.codings[int(random.choice(len(self._shares), p=self._shares))]
        if coding.codec == "avif":
            return self._at_equal_bytes(full, lanczos, choose(coding, random))
        return self._restoring_alone(full, lanczos, coding)

    def accepts(self, norms: Sequence[float]) -> bool:
        """Leave out steps that are far from usual."""
        return self._spikes.accepts(self._error, norms)

    def validate(self, network: nn.Module) -> Validation:
        """Rank by score at the bytes of the start."""
        now = self._curves(network)
        before = equal_bytes.fidelity(self._start, self._start)
        found = ranked(equal_bytes.fidelity(now, self._start), before)
        more = {
            "bytes_change": equal_bytes.bytes_change(now, self._start),
            "steps_skipped": float(self._spikes.skipped),
        }
        return Validation(found.gain_db, found.rank, {**found.measures, **more})

    def weights(self, network: nn.Module) -> Weights:
        """Return the weights of both networks."""
        networks = cast("Networks", network)
        return Weights(_weights(networks.restorer), _weights(networks.downscaler))

    def state(self) -> Mapping[str, object]:
        """Return prices, curves at the start, and the state of the random generator."""
        return {
            "price": list(self._price.errors),
            "start": [[list(curve.sizes), list(map(list, curve.rows))] for curve in self._start],
            "spikes": vars(self._spikes).copy(),
            "random": json.dumps(self._patches.random.bit_generator.state),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue drawing patches where the run stopped."""
        self._patches.random.bit_generator.state = json.loads(state["random"])
        self._price = Price(tuple(state["price"]))
        self._start = equal_bytes.parsed(state["start"])
        vars(self._spikes).update(state["spikes"])

    @property
    def _networks(self) -> Networks:
        return cast("Networks", self.network)

    def _drawn(self) -> tuple[Tensor, Tensor]:
        """Return the next patches, and the same shrunk by Lanczos' filter."""
        small, full = (each.to(self._device) for each in self._patches.draw())
        return full, small[:, :3]

    def _at_equal_bytes(self, full: Tensor, lanczos: Tensor, choice: Choice) -> Tensor:
        """Return error plus bytes, both as logarithms of bytes."""
        quality = choice.quality
        shrunk = self._shrunk(full, lanczos)
        coded = code(shrunk, "avif", choice)
        kept = coding_model.survivors(shrunk, quality)
        seen = coded.images + (kept - kept.detach())
        missed, squares = self._errors(with_level(seen, coded.level), full)
        missed = missed.mean() / self._price.at(quality)
        self._error = float(missed.detach())
        grown = coding_model.growth(shrunk, lanczos, quality).mean()
        return _UNIT * (missed + grown + self._shape.fidelity * squares.mean())

    def _restoring_alone(self, full: Tensor, lanczos: Tensor, coding: Coding) -> Tensor:
        """Return the error of a batch from which the downscaler learns nothing."""
        random = self._patches.random
        with torch.no_grad():
            plain = random.random() < _LANCZOS_SHARE
            shrunk = lanczos if plain else self._shrunk(full, lanczos)
        coded = code(shrunk, coding.codec, choose(coding, random))
        missed, squares = self._errors(coded.small, full)
        self._error = None
        return _UNIT * (missed.mean() / _OTHER_PRICE + self._shape.fidelity * squares.mean())

    def _shrunk(self, full: Tensor, lanczos: Tensor) -> Tensor:
        residual = self._passed(self._networks.downscaler, channels(full, lanczos))
        return pixel_values(lanczos + residual)

    def _errors(self, small: Tensor, full: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the score misses, and the logarithm of squared errors, of each patch."""
        scale = self._run.scale
        residual = self._passed(self._networks.restorer, small)
        restored = without_edges(residual + interpolate(small[:, :3], scale), scale)
        full = without_edges(full, scale)
        return perceptual.error(restored, full), log_error(restored, full)

    def _passed(self, network: nn.Module, small: Tensor) -> Tensor:
        with devices.mixed(self._device, self._run.precision, integer=self._run.integer):
            residual: Tensor = network(small.contiguous(memory_format=torch.channels_last))
        return residual.float()

    def _trial(self, qualities: tuple[int, int]) -> tuple[tuple[int, float], tuple[int, float]]:
        full, lanczos = self._drawn()
        shrunk = self._shrunk(full, lanczos)
        low, high = (code(shrunk, "avif", _choice(quality)) for quality in qualities)
        return self._sized(low, full), self._sized(high, full)

    def _sized(self, coded: Coded, full: Tensor) -> tuple[int, float]:
        missed, _ = self._errors(coded.small, full)
        return coded.size, float(missed.mean())

    def _rounded(self, floats: Networks) -> Networks:
        """Return both networks in integers, scaled by activations on coded patches."""
        seen, small = [], []
        with torch.no_grad():
            for _ in range(_CALIBRATION):
                full, lanczos = self._drawn()
                (coding, *_) = (each for each in self._run.data.codings if each.codec == "avif")
                seen.append(channels(full, lanczos))
                choice = choose(coding, self._patches.random)
                small.append(code(self._shrunk(full, lanczos), "avif", choice).small)
        plain = cast("Any", floats.downscaler).folded()
        return Networks(rounded(plain, seen), rounded(cast("Any", floats.restorer), small))

    def _curves(self, network: nn.Module) -> list[Curve]:
        networks = cast("Networks", network)
        downscaler = cast("Stack", networks.downscaler)
        restorer = cast("Stack", networks.restorer)
        return equal_bytes.curves(downscaler, restorer, self._data.validating, self._device)


def _choice(quality: int) -> Choice:
    return Choice(quality, "4:4:4", "ssimulacra2")


def _weights(network: nn.Module) -> StateDict:
    return {name: value.cpu() for name, value in network.state_dict().items()}
