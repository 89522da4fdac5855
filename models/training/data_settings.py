"""Configuration of training data: which originals, and how small images are made of them."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_Number = TypeVar("_Number", int, float)


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


class Part(BaseModel):
    """A part of a configuration: immutable, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Coding(Part):
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


class Degradations(Part):
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


class Data(Part):
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
