"""Cut images into equal tiles, and assemble the results.

Tiles overlap by a halo on each side, where results are discarded. Beyond the image, its edge is
repeated. If the halo covers the network's receptive field, the result is bit-identical to that of
the whole image with repeated edges.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slimgate.models.engine.network import Network, Pixels, Tiles

_Sums = Tiles | npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Tiling:
    """The tiles of one image, row by row; nothing is copied until `cut`.

    Attributes:
        height: height of the small image, pixels.
        width: width of the small image, pixels.
        tile: side of a tile, both halos included, small pixels.
        halo: margin whose results are discarded, small pixels.
        scale: scale factor of results.
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
        """Return the side of a tile without its halos, in small pixels."""
        return self.tile - 2 * self.halo

    def __len__(self) -> int:
        return -(-self.height // self.core) * -(-self.width // self.core)

    def cut(self, pixels: Pixels, number: int, *, level: int, out: Pixels) -> None:
        """Copy one tile.

        Args:
            pixels: small image, uint8, (height, width, channels).
            number: tile number, 0 to ``len(self) - 1``.
            level: value of the last channel, 0 to 255.
            out: destination, uint8, (tile, tile, channels + 1).
        """
        rows, columns = self._corner(number)
        above, below, inner_rows = self._along(rows, self.height)
        left, right, inner_columns = self._along(columns, self.width)
        margins = ((above, below), (left, right), (0, 0))
        colours = np.pad(pixels[inner_rows, inner_columns], margins, mode="edge")
        for channel in range(colours.shape[2]):  # separately: numpy copies triples far more slowly
            out[..., channel] = colours[..., channel]
        out[..., -1] = level

    def paste(self, result: Tiles, number: int, canvas: Pixels) -> None:
        """Paste the result of one tile onto the canvas, once per tile.

        Args:
            result: (tile * scale, tile * scale, 3); uint8 replaces the canvas, int8 is added to it
                and clipped to 0 to 255.
            number: tile number.
            canvas: uint8, (height * scale, width * scale[, 3]); a gray one receives the weighted
                mean (R + 2G + B + 2) >> 2.
        """
        row, column = self._corner(number)
        scale, edge = self.scale, self.halo * self.scale
        block = canvas[
            row * scale : (row + self.core) * scale, column * scale : (column + self.core) * scale
        ]
        kept = result[edge : edge + block.shape[0], edge : edge + block.shape[1]]
        if canvas.ndim == 2:
            block[...] = gray(_merged(block[..., np.newaxis], kept))
        else:
            block[...] = _merged(block, kept)

    def _corner(self, number: int) -> tuple[int, int]:
        """Return the first row and column of a tile without its halo."""
        row, column = divmod(number, -(-self.width // self.core))
        return row * self.core, column * self.core

    def _along(self, start: int, length: int) -> tuple[int, int, slice]:
        """Return how many pixels are missing before and after, and the slice of existing ones."""
        first, last = start - self.halo, start - self.halo + self.tile
        return max(0, -first), max(0, last - length), slice(max(0, first), min(last, length))


def tiling_of(network: Network, pixels: Pixels) -> Tiling:
    """Return the tiles of an image for a network.

    Raises:
        ValueError: not an image, or the network's halo leaves nothing of its tiles.
    """
    channels = network.channels - 1
    if pixels.dtype != np.uint8 or pixels.shape[2:] != (channels,) or not pixels.size:
        raise ValueError(
            f"pixels must be uint8 (height, width, {channels}) and not empty; "
            f"these are {pixels.dtype} {pixels.shape}"
        )
    height, width, _ = pixels.shape
    return Tiling(height, width, network.tile, network.halo, network.scale)


def _merged(before: Pixels, result: Tiles) -> _Sums:
    """Return the canvas with the result merged."""
    if result.dtype == np.uint8:
        return result
    sums: npt.NDArray[np.int16] = np.clip(np.add(before, result, dtype=np.int16), 0, 255)
    return sums


def gray(colours: Tiles | _Sums) -> npt.NDArray[np.int16]:
    """Return the weighted mean of almost equal colours, (..., 3), from 0 to 255."""
    red, green, blue = np.moveaxis(colours.astype(np.int16), -1, 0)
    mean: npt.NDArray[np.int16] = (red + 2 * green + blue + 2) >> 2
    return mean
