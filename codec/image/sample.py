"""Sample an image, to try qualities and candidates cheaply.

The sample is a mosaic of tiles from a regular grid. Fidelity is measured only inside the tiles, so
that seams, absent in the image, have no effect.
"""

import itertools
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from slimgate.codec.image.pixels import Pixels

_TILE: Final = 144  # divisible by every scale
_MARGIN: Final = 8  # pixels affected by a seam: the ringing of Lanczos and transform blocks
_GRID: Final = 48  # a multiple of scales and JPEG blocks, so tiles align as in the image
_SMALL: Final = 160_000  # pixels; a few tiles of a smaller image are not representative
_SPACING: Final = 256  # pixels between tiles of a small image, so that the sample is a share
_MOST: Final = 6  # tiles on a side: three quarters of a megapixel represent any image


@dataclass(frozen=True, slots=True)
class Sample:
    """A mosaic of tiles of an image.

    Attributes:
        pixels: mosaic, uint8, (height, width[, channels]).
        share: share of the image, above 0, at most 1.
        tile: height and width of a tile.
    """

    pixels: Pixels
    share: float
    tile: tuple[int, int]

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """Return a sample; of a small image, the image itself.

        Args:
            pixels: uint8, (height, width[, channels]).
        """
        height, width = pixels.shape[:2]
        rows, columns = _starts(height, height * width), _starts(width, height * width)
        tile = min(height, _TILE), min(width, _TILE)
        taken = len(rows) * len(columns) * tile[0] * tile[1]
        if height * width < _SMALL or 2 * taken > height * width:
            return cls(pixels, 1.0, (height, width))
        mosaic = np.vstack(
            [np.hstack([pixels[y : y + tile[0], x : x + tile[1]] for x in columns]) for y in rows]
        )
        return cls(mosaic, taken / (height * width), tile)

    def inside(self, pixels: Pixels) -> Pixels:
        """Return the pixels without the seams.

        Args:
            pixels: the mosaic, or a processed mosaic of the same size.
        """
        if self.share == 1:
            return pixels
        rows, columns = (
            _kept(length, side) for length, side in zip(pixels.shape, self.tile, strict=False)
        )
        return np.ascontiguousarray(pixels[rows][:, columns])


def _starts(length: int, area: int) -> list[int]:
    """Return evenly spaced positions of tiles along a side."""
    if length <= _TILE:
        return [0]
    wished = min(_MOST, max(2, round(area**0.5 / _SPACING)))
    count = min(wished, length // _TILE)
    middles = ((2 * i + 1) * length // (2 * count) for i in range(count))
    return [(middle - _TILE // 2) // _GRID * _GRID for middle in middles]


def _kept(length: int, side: int) -> list[int]:
    margin = _MARGIN if side > 4 * _MARGIN else 0
    tiles = range(0, length, side)
    return list(itertools.chain(*(range(t + margin, t + side - margin) for t in tiles)))
