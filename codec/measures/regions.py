"""Sum maps over regions of an image, strip by strip to bound memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Edges:
    """The regions along one side of an image.

    Attributes:
        length: length of the side, pixels.
        starts: starts of regions, multiples of their size. The last region takes the rest: half a
            region to one and a half.
    """

    length: int
    starts: tuple[int, ...]

    @classmethod
    def of(cls, length: int, region: int) -> Self:
        """Divide a side into regions of this size."""
        count = max(1, (length + region // 2) // region)
        return cls(length, tuple(range(0, count * region, region)))

    def at(self, scale: int) -> list[int]:
        """Return the starts in the image shrunk by 2 to the power of ``scale``."""
        return [start >> scale for start in self.starts]

    def lengths(self, scale: int) -> npt.NDArray[np.int64]:
        """Return the lengths of regions at a scale."""
        return np.diff([*self.at(scale), -(-self.length >> scale)])

    def strips(self, pixels: int, halo: int) -> Iterator["Strip"]:
        """Yield strips of whole regions.

        Args:
            pixels: approximate length of a strip, at least one region.
            halo: rows that a strip reads of its neighbours.
        """
        each = max(1, pixels // (self.starts[1] if len(self.starts) > 1 else self.length))
        for first in range(0, len(self.starts), each):
            behind = first + each
            stop = self.starts[behind] if behind < len(self.starts) else self.length
            seen = slice(max(0, self.starts[first] - halo), min(self.length, stop + halo))
            yield Strip(slice(first, behind), self.starts[first:behind], seen, stop)


@dataclass(frozen=True, slots=True)
class Strip:
    """Some rows of an image.

    Attributes:
        regions: indices of its regions, from the top.
        starts: first rows of its regions.
        seen: rows to read, including a halo above and below.
        stop: the row after its last one.
    """

    regions: slice
    starts: tuple[int, ...]
    seen: slice
    stop: int

    def core(self, scale: int) -> slice:
        """Return its own rows within the rows read, both shrunk."""
        top = (self.starts[0] - self.seen.start) >> scale
        # Without a halo below, the image ends: an odd row counts as whole there.
        return slice(top, top - (-(self.stop - self.starts[0]) >> scale))

    def at(self, scale: int) -> list[int]:
        """Return the starts of its regions within its own rows, shrunk."""
        return [(start - self.starts[0]) >> scale for start in self.starts]


class Tile(NamedTuple):
    """Some regions of a strip at one scale, small enough for the caches of a core.

    Attributes:
        regions: indices of its regions: rows and columns.
        rows: its rows within the rows read, shrunk.
        columns: its columns, shrunk.
        starts: starts of its regions within it: rows and columns.
    """

    regions: tuple[slice, slice]
    rows: slice
    columns: slice
    starts: tuple[list[int], list[int]]


_TILE: Final = (1, 16)
"""Regions of a tile at full size, rows and columns; twice as many at each further scale."""


def tiles(strip: Strip, columns: Edges, scale: int) -> Iterator[Tile]:
    """Yield the tiles of a strip at a scale.

    Args:
        strip: strip.
        columns: regions from left to right.
        scale: exponent of the factor by which the strip is shrunk.
    """
    core = strip.core(scale)
    across = [*columns.at(scale), -(-columns.length >> scale)]
    down = [*strip.at(scale), core.stop - core.start]
    for rows in _runs(len(down) - 1, _TILE[0] << scale):
        for places in _runs(len(across) - 1, _TILE[1] << scale):
            top, left = down[rows.start], across[places.start]
            yield Tile(
                (slice(strip.regions.start + rows.start, strip.regions.start + rows.stop), places),
                slice(core.start + top, core.start + down[rows.stop]),
                slice(left, across[places.stop]),
                ([each - top for each in down[rows]], [each - left for each in across[places]]),
            )


def _runs(count: int, each: int) -> Iterator[slice]:
    for first in range(0, count, each):
        yield slice(first, min(count, first + each))


def sums(values: Floats, rows: list[int], columns: list[int]) -> Doubles:
    """Sum values over regions.

    Args:
        values: (height, width).
        rows: starts of regions, top to bottom.
        columns: starts of regions, left to right.

    Returns:
        Sums, (rows of regions, columns of regions).
    """
    stops = [*rows[1:], values.shape[0]]
    bands = [values[a:b].sum(axis=0) for a, b in zip(rows, stops, strict=True)]
    return np.add.reduceat(np.asarray(bands, np.float64), columns, axis=1)
