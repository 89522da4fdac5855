"""Configuration of a training run: one validated YAML file, for reproducible runs."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from slimgate.models.training.errors import InvalidRun

_Number = TypeVar("_Number", int, float)

_MAX_BYTES: Final = 1 << 20


def _ordered(limits: tuple[_Number, _Number]) -> tuple[_Number, _Number]:
    if limits[0] > limits[1]:
        raise ValueError("the lower limit must come first")
    return limits


Share = Annotated[float, Field(ge=0, le=1)]
Quality = Annotated[int, Field(ge=0, le=100)]
Qualities = Annotated[tuple[Quality, Quality], AfterValidator(_ordered)]
Sizes = Annotated[
    tuple[Annotated[float, Field(gt=0, le=100)], Annotated[float, Field(gt=0, le=100)]],
    AfterValidator(_ordered),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Coding(_Part):
    """A codec of small images, and its share of pairs.

    Attributes:
        codec: codec; ``lossless``: no coding.
        weight: relative share among codings.
        qualities: lowest and highest quality, sampled uniformly.
        subsampling: chroma formats, sampled uniformly.
        tune: AVIF's tuning, sampled uniformly.
    """

    codec: Literal["avif", "webp", "jxl", "jpeg", "lossless"]
    weight: float = Field(default=1.0, gt=0)
    qualities: Qualities = (30, 96)
    subsampling: tuple[Literal["4:4:4", "4:2:0"], ...] = ("4:4:4", "4:2:0")
    tune: tuple[Literal["ssim", "psnr", "ssimulacra2"], ...] = ("ssim", "psnr")


class Degradations(_Part):
    """Degradations of small images before coding: blur, resizing, noise, JPEG.

    The defaults are those of the first order of Real-ESRGAN (Wang et al. 2021, section 3).

    Attributes:
        share: share of variants to degrade.
        second: probability of a second pass with half the strength.
        blur_sigma: standard deviation of Gaussian kernels, pixels.
        sinc: probability of a sinc kernel, which rings, instead of a Gaussian one.
        resize: lowest and highest factor.
        noise_sigma: standard deviation of Gaussian noise, in steps of a pixel value.
        poisson: scale of Poisson noise; 1: one photon per step of a pixel value.
        gray: probability of equal noise in all channels.
        jpeg: lowest and highest quality.
    """

    share: Share = 0.5
    second: Share = 0.8
    blur_sigma: Sizes = (0.2, 3.0)
    sinc: Share = 0.1
    resize: Sizes = (0.15, 1.5)
    noise_sigma: Sizes = (1.0, 30.0)
    poisson: Sizes = (0.05, 3.0)
    gray: Share = 0.4
    jpeg: Qualities = (30, 95)


class Data(_Part):
    """Source of pairs.

    Attributes:
        folder: lossless or lightly compressed originals, searched recursively; None: from the
            command line.
        variants: small images per original, coded differently.
        validation: number of originals for validation, chosen by hash of name.
        soft: share of originals that are used a second time, softened like enlargements and images
            out of focus.
        weights: factor of the number of patches from originals, by the beginning of their names;
            1 for all others. Weigh classes by the bytes that they take.
        max_pixels: larger originals are cropped to this many pixels at their centre.
        validation_pixels: the same for validation, which takes time.
        degradations: further degradations of small images; None: only downscaling and coding.
    """

    folder: Path | None = None
    codings: tuple[Coding, ...] = (Coding(codec="avif", weight=0.8), Coding(codec="lossless"))
    variants: int = Field(default=6, ge=1, le=100)
    validation: int = Field(default=12, ge=1)
    soft: Share = 0.0
    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    max_pixels: int = Field(default=4_000_000, ge=4096)
    validation_pixels: int = Field(default=360_000, ge=4096)
    degradations: Degradations | None = None


class Network(_Part):
    """Shape of a plain stack.

    Attributes:
        width: channels of inner feature maps.
        depth: number of inner convolutions.
    """

    width: int = Field(default=32, ge=4, le=256)
    depth: int = Field(default=8, ge=1, le=64)


class Schedule(_Part):
    """Duration and learning rate.

    Attributes:
        steps: number of batches.
        batch: patches per batch.
        patch: side of a small patch, pixels.
        rate: peak learning rate of Adam.
        warmup: steps until the peak.
        decay: share of steps, at the end, with cosine decay of the rate to zero.
        psnr_from: share of steps after which PSNR replaces Charbonnier's loss.
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


class Run(_Part):
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
    schedule: Schedule

    @model_validator(mode="after")
    def _integers_need_float32(self) -> Self:
        if self.integer and self.precision == "bfloat16":
            raise ValueError("an integer run needs float32: remove precision")
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
