"""What a training run is: one YAML file, validated, so that a run can be repeated."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.training.errors import InvalidRun

_Number = TypeVar("_Number", int, float)

_MAX_BYTES: Final = 1 << 20


def _ordered(limits: tuple[_Number, _Number]) -> tuple[_Number, _Number]:
    if limits[0] > limits[1]:
        raise ValueError("the lower limit comes first")
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
    """One codec that small images are stored with, and how often pairs use it.

    Attributes:
        codec: ``lossless`` stands for no coding at all.
        weight: Share among all codings; weights need not add up to one.
        qualities: Lowest and highest quality, drawn uniformly.
        subsampling: Chroma formats, drawn uniformly.
        tune: What AVIF spends its bits on, drawn uniformly.
    """

    codec: Literal["avif", "webp", "jxl", "jpeg", "lossless"]
    weight: float = Field(default=1.0, gt=0)
    qualities: Qualities = (30, 96)
    subsampling: tuple[Literal["4:4:4", "4:2:0"], ...] = ("4:4:4", "4:2:0")
    tune: tuple[Literal["ssim", "psnr"], ...] = ("ssim", "psnr")


class Degradations(_Part):
    """What else may have happened to a small image before it is coded: blur, resizing, noise, JPEG.

    The defaults are those of the first order of Real-ESRGAN (Wang et al. 2021, section 3).

    Attributes:
        share: Of the variants, how many are degraded at all.
        second: Probability that everything happens once more, half as strong.
        blur_sigma: Of Gaussian kernels, in pixels.
        sinc: Probability of a sinc kernel, which rings, in place of a Gaussian one.
        resize: Factors, lowest and highest.
        noise_sigma: Of Gaussian noise, in steps of a pixel value.
        poisson: Scale of Poisson noise; 1: one photon per step of a pixel value.
        gray: Probability that noise is the same in all channels.
        jpeg: Qualities, lowest and highest.
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
    """Where pairs come from.

    Attributes:
        folder: Images, searched recursively; a lossless or lightly compressed original each.
            None: named on the command line.
        variants: Differently coded small images per original.
        validation: Originals kept apart to validate with, picked by the hash of their name.
        soft: Of the originals, how many are learned from a second time, softened as enlargements
            and images out of focus are.
        max_pixels: Larger originals are cut to this many pixels at their centre.
        validation_pixels: The same for those kept apart, for validating takes time.
        degradations: What else happens to small images; None: nothing but shrinking and coding.
    """

    folder: Path | None = None
    codings: tuple[Coding, ...] = (Coding(codec="avif", weight=0.8), Coding(codec="lossless"))
    variants: int = Field(default=6, ge=1, le=100)
    validation: int = Field(default=12, ge=1)
    soft: Share = 0.0
    max_pixels: int = Field(default=4_000_000, ge=4096)
    validation_pixels: int = Field(default=360_000, ge=4096)
    degradations: Degradations | None = None


class Network(_Part):
    """The shape of a plain stack.

    Attributes:
        width: Channels of the inner feature maps.
        depth: Inner convolutions.
    """

    width: int = Field(default=32, ge=4, le=256)
    depth: int = Field(default=8, ge=1, le=64)


class Schedule(_Part):
    """How long and how fast it learns.

    Attributes:
        steps: Batches in all.
        batch: Patches in each.
        patch: Side of a small patch in pixels.
        rate: Peak learning rate of Adam.
        warmup: Steps until the peak.
        decay: Share of the steps, the last ones, along which the rate falls to zero on a cosine.
        psnr_from: Share of the steps after which PSNR itself replaces Charbonnier's loss.
        ema: Decay of the averaged weights that are validated and kept.
        validate_every: Steps between validations.
        patience: Validations without gain after which the run ends early.
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
        name: Of the restorer.
        scale: By how much it enlarges; 1 removes artefacts only.
        seed: Of everything random.
        start: Checkpoint of another run: of another scale, whose body is taken over; or, where this
            run is of an integer network, of its float parent.
        integer: Whether the numbers that ship are fine-tuned: the last step.
        precision: Of the forward and backward pass; ``auto``: bfloat16 on a GPU, else float32. An
            integer run is in float32.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    scale: int = Field(ge=1, le=4)
    seed: int = 0
    start: Path | None = None
    integer: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    data: Data = Data()
    network: Network = Network()
    schedule: Schedule

    @model_validator(mode="after")
    def _integers_need_float32(self) -> Self:
        if self.integer and self.precision == "bfloat16":
            raise ValueError("an integer run needs float32: leave precision out")
        return self

    def at(self, *, folder: Path | None = None, start: Path | None = None) -> Self:
        """Give the same run with other data, or another start, where one is named."""
        data = self.data.model_copy(update={"folder": folder or self.data.folder})
        return self.model_copy(update={"data": data, "start": start or self.start})


def load(path: Path) -> Run:
    """Read a run; relative paths in it start at its folder.

    Raises:
        InvalidRun: It cannot be read, a key is unknown or a value out of range.
    """
    try:
        run = Run.model_validate(yaml.safe_load(_text(path)))
    except OSError as error:
        raise InvalidRun(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidRun(f"{path} is no YAML: {error}") from error
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
        raise InvalidRun(f"{path} has more than {_MAX_BYTES} bytes: it is no run")
    return data.decode()


def _problems(path: Path, error: ValidationError) -> list[str]:
    return [
        f"{path}: {'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
        for problem in error.errors()
    ]
