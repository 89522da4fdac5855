"""Tell photographs from documents, screenshots, charts and illustrations, by cheap statistics.

Only a grid of tiles is looked at, with comparisons of neighbours and counts: no network, the same
answer on every machine. What matters is to know text and line art, which suffer from shrinking;
whether a screenshot or a chart was seen is the least sure, and matters least.
"""

from dataclasses import dataclass
from typing import Final, Literal, Self

import cv2
import numpy as np
import numpy.typing as npt

from codec.image.pixels import Pixels

Kind = Literal["photo", "document", "screenshot", "chart", "illustration"]

_TILE: Final = 64
_CELL: Final = 32  # text is looked for in quarters of a tile: a few lines of it
_SPACING: Final = 128
_FEWEST, _MOST = 4, 8  # tiles on a side
_FLAT: Final = 2  # steps of 255; JPEG leaves about so much noise on paper
_HARD: Final = 24  # a step that looks like drawn, not lit
_BRIGHT: Final = 192
_PAPER: Final = 16  # as far from the middle of a cell is background
_INK: Final = 40  # as far from it is ink
_SCREEN_WIDTH: Final = 900  # of what nobody would call a small picture


@dataclass(frozen=True, slots=True)
class Traits:
    """What is counted, all shares of 1.

    Attributes:
        same: Pixels equal to their right neighbour.
        flat: Pixels that differ from it by at most 2.
        soft: Pixels that differ by 3 to 24: shading, texture.
        hard: Pixels that differ by more.
        bright: Pixels of luma 192 or more.
        text: Cells that look like text: little ink, much paper, many changes between them.
        inked: Cells that have any ink.
    """

    same: float
    flat: float
    soft: float
    hard: float
    bright: float
    text: float
    inked: float

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """Count in an image.

        Args:
            pixels: uint8, (height, width[, channels]), at least 2 on each side; alpha is ignored.
        """
        tiles = _tiles(pixels)
        steps = np.bincount(cv2.absdiff(tiles[:, 1:], tiles[:, :-1]).ravel(), minlength=256)
        upto = np.cumsum(steps) / steps.sum()
        text, inked = _text(tiles)
        return cls(
            same=float(upto[0]),
            flat=float(upto[_FLAT]),
            soft=float(upto[_HARD] - upto[_FLAT]),
            hard=float(1 - upto[_HARD]),
            bright=float(np.count_nonzero(tiles >= _BRIGHT) / tiles.size),
            text=text,
            inked=inked,
        )

    @property
    def crisp(self) -> float:
        """Give the share of hard steps among all that are not flat."""
        return self.hard / max(1 - self.flat, 1e-3)


def kind(pixels: Pixels) -> Kind:
    """Name what an image seems to be.

    The thresholds were set by hand on 121 images of 13 classes.

    Args:
        pixels: uint8, (height, width[, channels]), at least 2 on each side.
    """
    traits = Traits.of(pixels)
    if _is_drawn(traits):
        return _drawn_kind(traits, pixels)
    if _is_page(traits):
        return "document"
    shaded = traits.soft > 0.25 * (1 - traits.same)
    if traits.same > 0.93 or (traits.same > 0.6 and not shaded):
        return "illustration"
    return "photo"


def _is_drawn(traits: Traits) -> bool:
    """Tell line art: flat areas, and what is between them is hard edges."""
    lettered = traits.crisp > 0.2 and traits.text > 0.09
    dense = traits.crisp > 0.5 and traits.text > 0.4 and traits.same > 0.55
    return dense or (traits.flat > 0.8 and (traits.crisp > 0.26 or lettered))


def _drawn_kind(traits: Traits, pixels: Pixels) -> Kind:
    # A scan is never as flat as what was drawn by a machine.
    noisy = traits.flat - traits.same > 0.06 and traits.text > 0.15
    if noisy or traits.same > 0.975:
        return "document"
    return "screenshot" if pixels.shape[1] >= _SCREEN_WIDTH else "chart"


def _is_page(traits: Traits) -> bool:
    """Tell paper that was photographed or scanned."""
    blank = traits.bright > 0.9 and traits.flat > 0.6
    lettered = traits.text > 0.18 and traits.text > 0.5 * traits.inked
    light = traits.bright > 0.75 or (traits.bright > 0.1 and traits.flat > 0.55)
    return blank or (lettered and light)


def _tiles(pixels: Pixels) -> Pixels:
    """Stack tiles from a grid, as gray: uint8, (tiles * height, width)."""
    height, width = pixels.shape[:2]
    side = min(_TILE, height), min(_TILE, width)
    wished = round((height * width) ** 0.5 / _SPACING)
    count = min(_MOST, max(_FEWEST, wished))
    stacked = np.vstack(
        [
            pixels[y : y + side[0], x : x + side[1], ...]
            for y in _starts(height, side[0], count)
            for x in _starts(width, side[1], count)
        ]
    )
    if stacked.ndim == 2:
        return stacked
    colour = np.ascontiguousarray(stacked[..., :3])
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY))


def _starts(length: int, side: int, count: int) -> list[int]:
    return sorted({(length - side) * i // (count - 1) for i in range(count)})


def _text(tiles: Pixels) -> tuple[float, float]:
    """Give the shares of cells that look like text, and of cells with ink."""
    cells = _cells(tiles)
    if not len(cells):
        return 0.0, 0.0
    paper = np.median(cells[:, ::4, ::4], axis=(1, 2)).astype(np.uint8)
    away = cv2.absdiff(cells, np.broadcast_to(paper[:, None, None], cells.shape).copy())
    ink = away > _INK
    inked = ink.mean(axis=(1, 2))
    strokes = (ink[:, :, 1:] != ink[:, :, :-1]).sum(axis=(1, 2)) / _CELL  # changes per row
    blank = (away <= _PAPER).mean(axis=(1, 2))
    written = (inked > 0.03) & (inked < 0.5) & (blank > 0.5) & (strokes > 1.5)
    return float(written.mean()), float((inked > 0.03).mean())


def _cells(tiles: Pixels) -> npt.NDArray[np.uint8]:
    rows, columns = (length // _CELL for length in tiles.shape)
    whole = tiles[: rows * _CELL, : columns * _CELL]
    squares = whole.reshape(rows, _CELL, columns, _CELL).swapaxes(1, 2)
    return np.ascontiguousarray(squares.reshape(rows * columns, _CELL, _CELL))
