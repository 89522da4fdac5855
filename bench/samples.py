"""Images for comparing engines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import skimage
from PIL import Image

from slimgate.models.engine.network import Pixels

_PHOTOS: Final = Path(skimage.__file__).parent / "data"
_NAMES: Final = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
)
_ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg", ".webp"})
_LEAST_SIDE: Final = 64
LARGEST_SIDE: Final = 160


@dataclass(frozen=True, slots=True)
class Sample:
    """An image to restore: uint8 (height, width, 3), and its coding level, 0 to 255."""

    pixels: Pixels
    level: int


def samples(count: int, files: Sequence[Path]) -> Iterator[Sample]:
    """Yield reproducible images: noise, extremes, and crops of photographs in turn.

    Args:
        count: number of images.
        files: photographs.
    """
    random = np.random.default_rng(0)
    for number in range(count):
        height, width = (int(side) for side in random.integers(_LEAST_SIDE, LARGEST_SIDE + 1, 2))
        if number % 2 and files:
            file = files[number // 2 % len(files)]
            pixels = _crop(file, random, height, width)
        else:
            pixels = random.integers(0, 256, (height, width, 3), np.uint8)
            if number % 4:
                pixels = np.where(pixels < 128, np.uint8(0), np.uint8(255))
        yield Sample(pixels, int(random.integers(0, 256)))


def photographs(corpus: Path | None) -> list[Path]:
    """Return photographs.

    Args:
        corpus: folder; None: scikit-image's.

    Raises:
        SystemExit: no photographs; the message says what to pass.
    """
    if corpus is None:
        return [_PHOTOS / name for name in _NAMES]
    found = sorted(file for file in corpus.rglob("*") if file.suffix.lower() in _ENDINGS)
    if not found:
        raise SystemExit(f"{corpus} contains no images; choose a folder of PNG, JPEG or WebP files")
    return found


def _crop(file: Path, random: np.random.Generator, height: int, width: int) -> Pixels:
    with Image.open(file) as opened:
        image = opened.convert("RGB")
    left = int(random.integers(0, max(1, image.width - width)))
    top = int(random.integers(0, max(1, image.height - height)))
    right, bottom = min(image.width, left + width), min(image.height, top + height)
    return np.asarray(image.crop((left, top, right, bottom)))
