"""The training loop: Adam, cosine schedule, averaged weights, validation; resumable."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from torch import nn
from torch.optim import swa_utils
from tqdm import tqdm

from slimgate.models.training import devices, pairs, validation
from slimgate.models.training.devices import DeviceName
from slimgate.models.training.errors import Diverged, NoImages, Unusable
from slimgate.models.training.initialization import build
from slimgate.models.training.measures import fidelity_loss, gain_by_label
from slimgate.models.training.network import Stack
from slimgate.models.training.pair_cache import PairCache, Recipe, data_digest
from slimgate.models.training.pairs import Source
from slimgate.models.training.patches import Patches
from slimgate.models.training.run_files import Checkpoint, Folder
from slimgate.models.training.settings import Run
from slimgate.models.training.tracking import Track
from slimgate.models.training.validation import Fidelity

_CALIBRATION: Final = 32  # batches for measuring the range of activations
_SHOWN_EVERY: Final = 50
_SAVED_EVERY: Final = 100  # steps: what a killed run takes again
_BROKEN: Final = 1000.0  # points that a broken guard costs: more than scores differ by
_MAX_NORM: Final = 1.0  # of gradients


@dataclass(frozen=True, slots=True)
class Data:
    """Training and validation data of a run.

    Attributes:
        learning: training pairs.
        validating: validation pairs, of other originals.
        digest: SHA-256 of the training originals.
    """

    learning: Sequence[Source]
    validating: Sequence[Source]
    digest: str


def load_data(run: Run, cache: PairCache) -> Data:
    """Load the pairs of a run.

    Raises:
        NoImages: no folder is configured, or it has too few images.
    """
    if run.data.folder is None:
        raise NoImages("no folder of images: set --data DIR")
    learning, validating = pairs.split(pairs.originals(run.data.folder), run.data.validation)
    recipe = Recipe(run.data, run.scale, run.seed)
    learned = cache.load(learning, recipe)
    cut = run.data.model_copy(update={"max_pixels": run.data.validation_pixels})
    validated = cache.load(validating, Recipe(cut, run.scale, run.seed))
    return Data(learned, validated, data_digest(learned))


class Loop:
    """A run in progress, new or resumed.

    Args:
        run: configuration.
        folder: folder of checkpoints and state.
        data: training data.
        track: receives measurements.
        device: device to compute on.

    Raises:
        Unusable: the start checkpoint does not fit, or the folder belongs to another run.
        NoImages: every image is smaller than a patch.
        NoDevice: the device is missing.
    """

    def __init__(
        self, run: Run, folder: Path, data: Data, track: Track, *, device: DeviceName = "auto"
    ) -> None:
        torch.manual_seed(run.seed)
        schedule = run.schedule
        self._run, self._data, self._track = run, data, track
        self._device = devices.choose(device)
        if run.integer:
            devices.exact()
        self._patches = Patches(
            data.learning,
            scale=run.scale,
            batch=schedule.batch,
            patch=schedule.patch,
            seed=run.seed,
            weights=run.data.weights,
        )
        calibration = (self._patches.draw()[0] for _ in range(_CALIBRATION))
        self.network = build(run, calibration).to(self._device)
        self._averaged = swa_utils.AveragedModel(
            self.network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(schedule.ema)
        )
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=schedule.rate)
        self._step = 0
        self._start: Fidelity | None = None
        self._folder = Folder(folder)
        self._resume()

    def finish(self) -> Path:
        """Take all remaining steps; return the best checkpoint by validation.

        By PSNR; a run that is trained for a score goes by that, and prefers checkpoints that break
        no guard (:data:`slimgate.models.training.validation.TOLERATED`).

        Raises:
            Diverged: weights or results are not finite.
            NoTracking: measurements cannot be recorded.
        """
        schedule = self._run.schedule
        if self._run.perceptual and self._start is None:
            self._start = self._fidelity()
        with tqdm(
            total=schedule.steps, initial=self._step, desc=self._run.name, disable=None
        ) as progress:
            while self._step < schedule.steps and not self._stalled():
                loss = self._advance()
                progress.update()
                if self._step % _SHOWN_EVERY == 0:
                    progress.set_postfix(loss=f"{loss:.5f}")
                if self._step % schedule.validate_every == 0 or self._step == schedule.steps:
                    self._validate(loss)
                elif self._step % _SAVED_EVERY == 0:
                    self._save()
        return self._folder.winner

    def _advance(self) -> float:
        rate = rate_at(self._step, self._run)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        small, full = (each.to(self._device) for each in self._patches.draw())
        with devices.mixed(self._device, self._run.precision, integer=self._run.integer):
            # Channels last: convolutions in bfloat16 take a sixth less time on processors.
            residual = self.network(small.contiguous(memory_format=torch.channels_last))
        decibels = self._step >= self._run.schedule.psnr_from * self._run.schedule.steps
        seen = self._run.perceptual
        loss = fidelity_loss(residual.float(), small, full, decibels=decibels, seen=seen)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_NORM)
        self._optimizer.step()
        self._averaged.update_parameters(self.network)
        self._step += 1
        return float(loss.detach())

    def _validate(self, loss: float) -> None:
        measures, gain_db, rank = self._ranked()
        if not math.isfinite(rank) or not math.isfinite(loss):
            raise Diverged(
                f"{self._run.name} has diverged before step {self._step}: lower schedule.rate, "
                "remove its folder and restart"
            )
        rate = rate_at(self._step - 1, self._run)
        self._track({**measures, "gain_db": gain_db, "loss": loss, "rate": rate}, self._step)
        network = {name: value.cpu() for name, value in self._averaged.module.state_dict().items()}
        checkpoint = Checkpoint(network, self._run, self._step, gain_db, self._data.digest)
        self._folder.offer(checkpoint, rank)
        self._save()

    @property
    def _validated(self) -> Stack:
        return cast("Stack", self._averaged.module)

    def _ranked(self) -> tuple[Mapping[str, float], float, float]:
        """Return measures of the averaged network, its gain in dB, and its rank."""
        if self._start is None:
            gains = gain_by_label(self._validated, self._data.validating, self._device)
            mean = float(np.mean([gain for values in gains.values() for gain in values]))
            return {}, mean, mean
        now = self._fidelity()
        broken = validation.broken(now, self._start)
        rank = now.score - _BROKEN * bool(broken)
        changes = validation.changes(now, self._start)
        return {**now.means(), **changes, "guards_broken": len(broken)}, now.gain_db, rank

    def _fidelity(self) -> Fidelity:
        return validation.fidelity(self._validated, self._data.validating, self._device)

    def _stalled(self) -> bool:
        if not self._folder.best:
            return False
        waited = self._step - self._folder.best_step
        return waited >= self._run.schedule.patience * self._run.schedule.validate_every

    def _save(self) -> None:
        self._folder.save(
            {
                "run": _comparable(self._run),
                "step": self._step,
                "network": self.network.state_dict(),
                "averaged": self._averaged.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "start": None if self._start is None else asdict(self._start),
                "random": json.dumps(self._patches.random.bit_generator.state),
            }
        )

    def _resume(self) -> None:
        found = self._folder.resume(self._device)
        if found is None:
            return
        state = cast("Mapping[str, Any]", found)  # written by _save
        if state.get("run", _comparable(self._run)) != _comparable(self._run):
            raise Unusable("the folder belongs to another run: choose another with --out")
        self.network.load_state_dict(state["network"])
        self._averaged.load_state_dict(state["averaged"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._patches.random.bit_generator.state = json.loads(state["random"])
        self._step = state["step"]
        start = state.get("start")
        self._start = None if start is None else validation.parsed(start)


def rate_at(step: int, run: Run) -> float:
    """Return the learning rate of a step: linear warm-up, plateau, cosine decay to zero."""
    schedule = run.schedule
    warm = min(1.0, (step + 1) / max(1, schedule.warmup))
    falling = schedule.decay * schedule.steps
    done = max(0.0, step - (schedule.steps - falling)) / max(1.0, falling)
    return schedule.rate * warm * 0.5 * (1 + math.cos(math.pi * done))


def _comparable(run: Run) -> str:
    """Return what must match when a run resumes; its schedule may change."""
    return run.model_dump_json(
        exclude={"start": True, "precision": True, "schedule": True, "data": {"folder"}}
    )
