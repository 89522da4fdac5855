"""Cut images into equal tiles and put results together again.

A tile overlaps its neighbours by a halo on each side, and results inside the halo are thrown away.
Beyond the image its edge is repeated. For a network that looks no further than the halo, the result
is therefore the same to the bit as that of the whole image, extended by repeated edges, at once.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.engine.network import CHANNELS, Network, Pixels, Tiles

_Sums = Tiles | npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Tiling:
    """Lay tiles over one image, row by row; nothing is copied before a tile is asked for.

    Attributes:
        height: Of the small image, pixels.
        width: Of the small image, pixels.
        tile: Side of a small tile, both halos included.
        halo: Small pixels on each side whose results are thrown away.
        scale: By how much results are larger than tiles.
    """

    height: int
    width: int
    tile: int
    halo: int
    scale: int

    def __post_init__(self) -> None:
        if self.halo < 0 or self.core < 1:
            raise ValueError(f"a halo of {self.halo} leaves nothing of a tile of {self.tile}")

    @property
    def core(self) -> int:
        """Side of the part of a tile whose results are kept, in small pixels."""
        return self.tile - 2 * self.halo

    def __len__(self) -> int:
        return -(-self.height // self.core) * -(-self.width // self.core)

    def cut(self, pixels: Pixels, number: int, *, level: int, out: Pixels) -> None:
        """Copy one tile.

        Args:
            pixels: The small image, uint8, (height, width, 3).
            number: Which tile, 0 to ``len(self) - 1``.
            level: What the fourth channel is filled with, 0 to 255.
            out: Where the tile goes, uint8, (tile, tile, 4).
        """
        rows, columns = self._corner(number)
        above, below, inner_rows = self._along(rows, self.height)
        left, right, inner_columns = self._along(columns, self.width)
        margins = ((above, below), (left, right), (0, 0))
        colours = np.pad(pixels[inner_rows, inner_columns], margins, mode="edge")
        for channel in range(CHANNELS - 1):  # one by one: numpy copies triples far more slowly
            out[..., channel] = colours[..., channel]
        out[..., CHANNELS - 1] = level

    def paste(self, result: Tiles, number: int, canvas: Pixels) -> None:
        """Put the result of one tile where it belongs; each must be pasted once.

        Args:
            result: (tile * scale, tile * scale, 3); uint8 replaces the canvas, int8 is added to it
                within 0 to 255.
            number: Which tile.
            canvas: uint8, (height * scale, width * scale[, 3]); a gray one gets the weighted mean
                (R + 2G + B + 2) >> 2 of the channels.
        """
        row, column = self._corner(number)
        scale, edge = self.scale, self.halo * self.scale
        block = canvas[
            row * scale : (row + self.core) * scale, column * scale : (column + self.core) * scale
        ]
        kept = result[edge : edge + block.shape[0], edge : edge + block.shape[1]]
        block[...] = _gray_merged(block, kept) if canvas.ndim == 2 else _merged(block, kept)

    def _corner(self, number: int) -> tuple[int, int]:
        """Find the first row and column whose results are kept."""
        row, column = divmod(number, -(-self.width // self.core))
        return row * self.core, column * self.core

    def _along(self, start: int, length: int) -> tuple[int, int, slice]:
        """Tell how many pixels are missing before and after, and which ones are there."""
        first, last = start - self.halo, start - self.halo + self.tile
        return max(0, -first), max(0, last - length), slice(max(0, first), min(last, length))


def tiling_of(network: Network, pixels: Pixels) -> Tiling:
    """Lay the tiles of a network over an image.

    Raises:
        ValueError: It is no image, or the halo of the network leaves nothing of its tiles.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(
            "pixels must be uint8 (height, width, 3) and not empty; "
            f"these are {pixels.dtype} {pixels.shape}"
        )
    height, width, _ = pixels.shape
    return Tiling(height, width, network.tile, network.halo, network.scale)


def _merged(before: Pixels, result: Tiles) -> _Sums:
    """Give what is on the canvas afterwards."""
    if result.dtype == np.uint8:
        return result
    sums: npt.NDArray[np.int16] = np.clip(np.add(before, result, dtype=np.int16), 0, 255)
    return sums


def _gray_merged(before: Pixels, result: Tiles) -> _Sums:
    """Give the same for a canvas without colour."""
    channels = (_merged(before, result[..., channel]) for channel in range(3))
    red, green, blue = (channel.astype(np.int16) for channel in channels)
    mean: npt.NDArray[np.int16] = (red + 2 * green + blue + 2) >> 2
    return mean
