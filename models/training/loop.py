"""The training loop: Adam, cosine schedule, averaged weights, validation; resumable."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import nn
from torch.optim import swa_utils
from tqdm import tqdm

from slimgate.models.training import devices
from slimgate.models.training.datasets import Data
from slimgate.models.training.devices import DeviceName
from slimgate.models.training.errors import Diverged, Unusable
from slimgate.models.training.joint import Joint
from slimgate.models.training.restoring import Restoring
from slimgate.models.training.run_files import Checkpoint, Folder
from slimgate.models.training.settings import Run
from slimgate.models.training.task import Task
from slimgate.models.training.tracking import Track

_SHOWN_EVERY: Final = 50
_SAVED_EVERY: Final = 100  # steps: what a killed run takes again


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
        self._run, self._data, self._track = run, data, track
        self._device = devices.choose(device)
        if run.integer:
            devices.exact()
        self._task = _task(run, data, self._device)
        self.network = self._task.network
        self._averaged = swa_utils.AveragedModel(
            self.network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(run.schedule.ema)
        )
        parts = self._task.groups()
        self._factors = [factor for _, factor in parts]
        self._optimizer = torch.optim.Adam(
            [{"params": list(part.parameters())} for part, _ in parts], lr=run.schedule.rate
        )
        self._step = 0
        self._loss = 0.0  # of the last step that was taken
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
        self._task.begin(self._averaged.module)
        with tqdm(
            total=schedule.steps, initial=self._step, desc=self._run.name, disable=None
        ) as progress:
            while self._step < schedule.steps and not self._stalled():
                self._advance()
                progress.update()
                if self._step % _SHOWN_EVERY == 0:
                    progress.set_postfix(loss=f"{self._loss:.5f}")
                if self._step % schedule.validate_every == 0 or self._step == schedule.steps:
                    self._validate()
                elif self._step % _SAVED_EVERY == 0:
                    self._save()
        return self._folder.winner

    def _advance(self) -> None:
        rate = rate_at(self._step, self._run)
        groups = self._optimizer.param_groups
        for group, factor in zip(groups, self._factors, strict=True):
            group["lr"] = rate * factor
        loss = self._task.loss(self._step)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        clip = nn.utils.clip_grad_norm_
        norms = [float(clip(group["params"], self._task.max_norm)) for group in groups]
        if self._task.accepts(norms):
            self._optimizer.step()
            self._averaged.update_parameters(self.network)
            self._loss = float(loss.detach())
        self._step += 1

    def _validate(self) -> None:
        found = self._task.validate(self._averaged.module)
        if not math.isfinite(found.rank) or not math.isfinite(self._loss):
            raise Diverged(
                f"{self._run.name} has diverged before step {self._step}: lower schedule.rate, "
                "remove its folder and restart"
            )
        rate = rate_at(self._step - 1, self._run)
        values = {**found.measures, "gain_db": found.gain_db, "loss": self._loss, "rate": rate}
        self._track(values, self._step)
        weights = self._task.weights(self._averaged.module)
        checkpoint = Checkpoint(
            weights.restorer,
            self._run,
            self._step,
            found.gain_db,
            self._data.digest,
            weights.downscaler,
        )
        self._folder.offer(checkpoint, found.rank)
        self._save()

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
                **self._task.state(),
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
        self._step = state["step"]
        self._task.resume(state)


def _task(run: Run, data: Data, device: torch.device) -> Task:
    if run.downscaler is None:
        return Restoring(run, data, device)
    return Joint(run, run.downscaler, data, device)


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
        exclude={
            "start": True,
            "precision": True,
            "schedule": True,
            "data": {"folder"},
            # States of runs without one do not mention it: older versions had none.
            "downscaler": True if run.downscaler is None else {"rate"},
        }
    )
