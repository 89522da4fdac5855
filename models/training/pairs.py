"""Training pairs: originals, and small images coded by the same code as renditions."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from slimgate.models.training import renditions
from slimgate.models.training.data_settings import Coding, Data
from slimgate.models.training.degradations import degrade
from slimgate.models.training.errors import NoImages, UnreadableImage
from slimgate.models.training.renditions import Pixels, Tune
from slimgate.models.training.softening import soften

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
"""Suffixes of image files."""


@dataclass(frozen=True, slots=True)
class Small:
    """A coded small image.

    Attributes:
        pixels: uint8, (h, w, 3).
        level: coding level, 0 to 255.
        label: codec and quality, for reports.
    """

    pixels: Pixels
    level: int
    label: str


@dataclass(frozen=True, slots=True)
class Source:
    """An original and its small images.

    Attributes:
        name: file name.
        original: uint8, (h * scale, w * scale, 3).
        smalls: small images, coded differently.
    """

    name: str
    original: Pixels
    smalls: tuple[Small, ...]


def originals(folder: Path) -> list[Path]:
    """Return the images in a folder, recursively.

    Raises:
        NoImages: no images.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise NoImages(f"no images in {folder}; choose a folder of JPEG or PNG files")
    return found


def split(paths: Sequence[Path], validation: int) -> tuple[list[Path], list[Path]]:
    """Split off originals for validation, by hash of name, independent of other files.

    Raises:
        NoImages: none would be left for training.
    """
    if len(paths) <= validation:
        raise NoImages(
            f"{len(paths)} images are too few: {validation} are reserved for validation; "
            "add images or lower data.validation"
        )
    ranked = sorted(paths, key=_rank)
    return sorted(ranked[validation:]), ranked[:validation]


def share(paths: Sequence[Path], part: float) -> list[Path]:
    """Return a share of originals, by hash of name, independent of other files."""
    return [path for path in paths if int.from_bytes(_rank(path)[-4:]) < part * 2**32]


def _rank(path: Path) -> bytes:
    return hashlib.sha256(path.name.encode()).digest()


def make(path: Path, data: Data, *, scale: int, seed: int, soft: bool = False) -> Source:
    """Create the pairs of one original.

    Args:
        path: original.
        data: coding of small images.
        scale: downscale factor.
        seed: seed of all random choices.
        soft: soften the original first.
    """
    random = np.random.default_rng(seed)
    original = cut(path, data.max_pixels, scale)
    if soft:
        original = soften(original, random)
    small = renditions.shrink(original, scale)
    weights = np.array([coding.weight for coding in data.codings], np.float64)
    # Stratified instead of independent sampling: few variants cover the range better.
    draws = (np.arange(data.variants) + random.random()) / data.variants
    chosen = np.searchsorted(np.cumsum(weights) / weights.sum(), draws)
    smalls = []
    for index in chosen:
        before = small if data.degradations is None else _degraded(original, small, data, random)
        smalls.append(code(before, data.codings[index], random))
    return Source(path.name, original, tuple(smalls))


def cut(path: Path, max_pixels: int, scale: int) -> Pixels:
    """Return the centre of an image: uint8, (h, w, 3), both multiples of the scale.

    Raises:
        UnreadableImage: the image is damaged, or exceeds Pillow's size limit.
    """
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableImage(f"{path}: {error}; repair or remove it") from error
    height, width = pixels.shape[:2]
    shrink = min(1.0, (max_pixels / (height * width)) ** 0.5)
    rows, columns = (int(side * shrink) // scale * scale for side in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(pixels[top : top + rows, left : left + columns])


class Choice(NamedTuple):
    """What a coding leaves open, chosen."""

    quality: int
    subsampling: str
    tune: Tune


def choose(how: Coding, random: np.random.Generator) -> Choice:
    """Choose a random quality within the range of a coding, chroma format and tuning."""
    low, high = how.qualities
    quality = int(random.integers(low, high + 1))
    subsampling = str(random.choice(how.subsampling))
    return Choice(quality, subsampling, how.tune[int(random.integers(len(how.tune)))])


def code(small: Pixels, how: Coding, random: np.random.Generator) -> Small:
    """Encode and decode a small image at a random quality within a range."""
    quality, subsampling, tune = choose(how, random)
    return coded(small, how.codec, quality, subsampling, tune=tune)


def coded(
    small: Pixels, codec: str, quality: int, subsampling: str, *, tune: Tune = "ssim"
) -> Small:
    """Encode and decode a small image as the gateway does.

    Args:
        small: uint8, (h, w, 3).
        codec: codec of renditions, or ``lossless``.
        quality: 0 to 100.
        subsampling: ``4:4:4`` or ``4:2:0``.
        tune: measure that AVIF optimizes.
    """
    if codec == "lossless":
        return Small(small, 0, codec)
    data = renditions.encode(small, codec, quality, subsampling, tune=tune)
    pixels = renditions.decode(data, codec, width=small.shape[1], height=small.shape[0])
    level = renditions.level(codec, quality)
    return Small(pixels, level, f"{codec} {quality} {subsampling}")


def _degraded(original: Pixels, small: Pixels, data: Data, random: np.random.Generator) -> Pixels:
    how = data.degradations
    if how is None or random.random() >= how.share:
        return small
    height, width = small.shape[:2]
    return degrade(original, (height, width), how, random)
