"""Files of a run: its best checkpoints, and its state for resuming."""

import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from pydantic import ValidationError
from torch import Tensor

from slimgate.models.training.errors import Unusable
from slimgate.models.training.settings import Run

StateDict = dict[str, Tensor]
"""Weights of a network by name."""

_KEPT: Final = 3
_STATE: Final = "state.pt"


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Weights of a run at a step.

    Attributes:
        network: weights by name.
        run: configuration of the run.
        step: number of steps taken.
        gain_db: PSNR over bicubic on the validation images, dB.
        data: SHA-256 of the training data; empty if the file has none.
        downscaler: weights of the network that shrinks, if the run trains one.
    """

    network: StateDict
    run: Run
    step: int
    gain_db: float
    data: str = ""
    downscaler: StateDict | None = None


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically."""
    content = {
        "network": checkpoint.network,
        "run": checkpoint.run.model_dump_json(),
        "step": checkpoint.step,
        "gain_db": checkpoint.gain_db,
        "data": checkpoint.data,
        "downscaler": checkpoint.downscaler,
        "saved": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    _replace(path, content)


def read(path: Path) -> Checkpoint:
    """Load a checkpoint onto the CPU, without executing code from it.

    Raises:
        Unusable: not a checkpoint of a run.
    """
    content = _content(path)
    try:
        return Checkpoint(
            network=dict(content["network"]),
            run=Run.model_validate_json(content["run"]),
            step=int(content["step"]),
            gain_db=float(content["gain_db"]),
            data=str(content.get("data", "")),
            downscaler=content.get("downscaler"),
        )
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise Unusable(f"{path} is not a checkpoint of a run: {error!r}") from error


class Folder:
    """The folder of a run's checkpoints and state.

    Args:
        path: created if missing.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self.best: list[tuple[float, int]] = []

    @property
    def winner(self) -> Path:
        """Return the path of the best checkpoint."""
        return self._checkpoint(self.best_step)

    @property
    def best_step(self) -> int:
        """Return the first step of the highest rank; there must be one."""
        return max(self.best, key=_order)[1]

    def offer(self, checkpoint: Checkpoint, rank: float) -> None:
        """Store a checkpoint if it is among the best: those of the highest ranks."""
        entry = (rank, checkpoint.step)
        self.best = sorted([*self.best, entry], key=_order)[-_KEPT:]
        if entry in self.best:
            write(self._checkpoint(checkpoint.step), checkpoint)

    def save(self, state: Mapping[str, object]) -> None:
        """Store the state for resuming, then delete checkpoints without references."""
        _replace(self._path / _STATE, {**state, "best": self.best})
        kept = {self._checkpoint(step) for _, step in self.best}
        for path in self._path.glob("step-*.pt"):
            if path not in kept:
                path.unlink()

    def resume(self, device: torch.device) -> Mapping[str, object] | None:
        """Return the state of an interrupted run, or None.

        Raises:
            Unusable: the file is damaged.
        """
        kept = self._path / _STATE
        if not kept.exists():
            return None
        state = _content(kept, device)
        self.best = [(float(rank), int(step)) for rank, step in state["best"]]
        return state

    def _checkpoint(self, step: int) -> Path:
        return self._path / f"step-{step:06d}.pt"


def _order(entry: tuple[float, int]) -> tuple[float, int]:
    """Sort higher ranks last, and earlier steps last among equals."""
    return entry[0], -entry[1]


def _content(path: Path, device: torch.device | str = "cpu") -> dict:  # type: ignore[type-arg]
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from error
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).split("\n", 1)[0]
        raise Unusable(f"{path} is damaged or not a checkpoint: {reason}") from error
    if not isinstance(content, dict):
        raise Unusable(f"{path} is not a checkpoint of a run")
    return content


def _replace(path: Path, content: Mapping[str, object]) -> None:
    unfinished = path.with_suffix(".tmp")
    torch.save(dict(content), unfinished)
    unfinished.replace(path)
