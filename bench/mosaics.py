"""Photographs of any size, tiled from scikit-image's."""

import io
from pathlib import Path
from typing import Final

import numpy as np
import skimage
from PIL import Image

from slimgate.codec.image.pixels import Pixels

_PHOTOS: Final = Path(skimage.__file__).parent / "data"
_NAMES: Final = ("astronaut.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png", "rocket.jpg")
_SIDES: Final = (512, 384)
"""Width and height of a tile: about 0.2 megapixels."""


def mosaic(width: int, height: int) -> Pixels:
    """Return a large photograph, identical in every run.

    Args:
        width: width, pixels.
        height: height, pixels.

    Returns:
        uint8, (height, width, 3).
    """
    tiles = [_tile(name) for name in _NAMES]
    tiles += [tile[:, ::-1] for tile in tiles] + [tile[::-1] for tile in tiles]
    pixels = np.empty((height, width, 3), np.uint8)
    columns = -(-width // _SIDES[0])
    for row, top in enumerate(range(0, height, _SIDES[1])):
        for column, left in enumerate(range(0, width, _SIDES[0])):
            place = pixels[top : top + _SIDES[1], left : left + _SIDES[0]]
            tile = tiles[(row * columns + column) % len(tiles)]
            place[...] = tile[: place.shape[0], : place.shape[1]]
    return pixels


def jpeg(megapixels: float, **options: object) -> bytes:
    """Return such a photograph, 4:3, as a JPEG of quality 92.

    Args:
        megapixels: approximate size.
        options: further options of Pillow.
    """
    unit = (megapixels * 1e6 / 12) ** 0.5
    image = Image.fromarray(mosaic(8 * round(unit / 2), 8 * round(unit * 3 / 8)))
    file = io.BytesIO()
    image.save(file, "JPEG", **{"quality": 92, **options})
    return file.getvalue()


def _tile(name: str) -> Pixels:
    with Image.open(_PHOTOS / name) as image:
        return np.asarray(image.convert("RGB").resize(_SIDES, Image.Resampling.LANCZOS))
