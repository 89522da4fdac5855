"""Configuration of a training run: one validated YAML file, for reproducible runs."""

from pathlib import Path
from typing import Final, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from slimgate.models.training.data_settings import Data, Part, Share
from slimgate.models.training.errors import InvalidRun

BLOCK: Final = 16
"""Side of the blocks by which a downscaler's loss estimates bits, pixels."""

_MAX_BYTES: Final = 1 << 20


class Network(Part):
    """Shape of a plain stack.

    Attributes:
        width: channels of inner feature maps.
        depth: number of inner convolutions.
    """

    width: int = Field(default=32, ge=4, le=256)
    depth: int = Field(default=8, ge=1, le=64)


class Downscaler(Part):
    """A network that shrinks, trained together with the one that restores.

    Attributes:
        width: channels of inner feature maps.
        depth: number of inner convolutions.
        rate: its peak learning rate of Adam.
        fidelity: weight of the logarithm of the mean squared error, against that of bytes.
    """

    width: int = Field(default=32, ge=4, le=256)
    depth: int = Field(default=4, ge=1, le=64)
    rate: float = Field(default=4e-4, gt=0)
    fidelity: float = Field(default=0.7, ge=0)


class Schedule(Part):
    """Duration and learning rate.

    Attributes:
        steps: number of batches.
        batch: patches per batch.
        patch: side of a small patch, pixels.
        rate: peak learning rate of Adam.
        warmup: steps until the peak.
        decay: share of steps, at the end, with cosine decay of the rate to zero.
        psnr_from: share of steps after which PSNR replaces Charbonnier's loss; not used with a
            downscaler.
        ema: decay of the averaged weights, which are validated and stored.
        validate_every: steps between validations.
        patience: validations without gain before stopping early.
    """

    steps: int = Field(ge=1)
    batch: int = Field(default=8, ge=1)
    patch: int = Field(default=64, ge=16)
    rate: float = Field(default=2e-3, gt=0)
    warmup: int = Field(default=200, ge=0)
    decay: Share = 1.0
    psnr_from: Share = 0.8
    ema: float = Field(default=0.999, gt=0, lt=1)
    validate_every: int = Field(default=1000, ge=1)
    patience: int = Field(default=20, ge=1)


class Run(Part):
    """One training run.

    Attributes:
        name: name of the restorer.
        scale: scale factor; 1: artefact removal only.
        seed: seed of all random choices.
        start: checkpoint to start from: of another scale, whose body is reused; or, for an integer
            network, its float parent.
        integer: fine-tune the integers that ship; the last step.
        perceptual: weight of what SSIMULACRA2 misses, beside Charbonnier's loss; 0: fidelity alone.
            With a weight, validation ranks by score, and checks guards.
        precision: precision of forward and backward passes; ``auto``: bfloat16 on a GPU, else
            float32. Integer runs use float32.
        downscaler: network that shrinks, trained together with the one that restores for score at
            equal bytes; batches are coded anew in every step. None: shrink with Lanczos' filter.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    scale: int = Field(ge=1, le=4)
    seed: int = 0
    start: Path | None = None
    integer: bool = False
    perceptual: float = Field(default=0.0, ge=0)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    data: Data = Data()
    network: Network = Network()
    downscaler: Downscaler | None = None
    schedule: Schedule

    @model_validator(mode="after")
    def _integers_need_float32(self) -> Self:
        if self.integer and self.precision == "bfloat16":
            raise ValueError("an integer run needs float32: remove precision")
        return self

    @model_validator(mode="after")
    def _downscalers_learn_from_codes(self) -> Self:
        if self.downscaler is None:
            return self
        if self.scale == 1:
            raise ValueError("a downscaler needs a scale of 2 or more")
        if all(coding.codec != "avif" for coding in self.data.codings):
            raise ValueError("a downscaler learns from AVIF: add it to data.codings")
        if self.perceptual or self.data.degradations is not None:
            raise ValueError("a downscaler has its own loss: remove perceptual and degradations")
        if self.schedule.patch % BLOCK:
            raise ValueError(f"a downscaler needs a schedule.patch that is a multiple of {BLOCK}")
        return self

    def at(self, *, folder: Path | None = None, start: Path | None = None) -> Self:
        """Return the run with other data or another start, if passed."""
        data = self.data.model_copy(update={"folder": folder or self.data.folder})
        return self.model_copy(update={"data": data, "start": start or self.start})


def load(path: Path) -> Run:
    """Load a run; relative paths are relative to its file.

    Raises:
        InvalidRun: the file is unreadable, a key is unknown, or a value is out of range.
    """
    try:
        run = Run.model_validate(yaml.safe_load(_text(path)))
    except OSError as error:
        raise InvalidRun(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidRun(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        raise InvalidRun("\n".join(_problems(path, error))) from error
    beside = path.resolve().parent
    return run.at(
        folder=None if run.data.folder is None else beside / run.data.folder,
        start=None if run.start is None else beside / run.start,
    )


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise InvalidRun(f"{path} has more than {_MAX_BYTES} bytes: not a run")
    return data.decode()


def _problems(path: Path, error: ValidationError) -> list[str]:
    return [
        f"{path}: {'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
        for problem in error.errors()
    ]
