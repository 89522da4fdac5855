"""Classify images as photographs, documents, screenshots, charts or illustrations.

Cheap statistics on a grid of tiles, comparisons of neighbours and counts, give the same result on
every machine without a network. Detecting text and line art, which suffer from downscaling, matters
most; distinguishing screenshots from charts is least reliable and matters least.
"""

from dataclasses import dataclass
from typing import Final, Literal, Self

import cv2
import numpy as np
import numpy.typing as npt

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.image.tiles import gray, stacked

Kind = Literal["photo", "document", "screenshot", "chart", "illustration"]

_CELL: Final = 32  # text detection uses quarters of a tile: a few lines of text
_FLAT: Final = 2  # of 255; the noise of JPEG on blank paper
_HARD: Final = 24  # steps above it look drawn, not shaded
_BRIGHT: Final = 192
_PAPER: Final = 16  # maximum distance of the background from a cell's median
_INK: Final = 40  # minimum distance of ink from it
_SCREEN_WIDTH: Final = 900  # minimum width of a large picture, pixels


@dataclass(frozen=True, slots=True)
class PixelStatistics:
    """Statistics, as shares of 1.

    Attributes:
        same: pixels equal to their right neighbour.
        flat: pixels that differ from it by at most 2.
        soft: pixels that differ by 3 to 24: shading, texture.
        hard: pixels that differ by more.
        bright: pixels with luma 192 or more.
        text: cells that look like text: little ink, much paper, many changes between them.
        inked: cells with any ink.
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
        """Return the statistics of an image.

        Args:
            pixels: uint8, (height, width[, channels]), at least 2 on each side; alpha is ignored.
        """
        tiles = gray(stacked(pixels))
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
        """Return the share of hard steps among all that are not flat."""
        return self.hard / max(1 - self.flat, 1e-3)


def kind(pixels: Pixels) -> Kind:
    """Return the most likely kind of an image.

    The thresholds were tuned manually on 121 images of 13 classes.

    Args:
        pixels: uint8, (height, width[, channels]), at least 2 on each side.
    """
    traits = PixelStatistics.of(pixels)
    if _is_drawn(traits):
        return _drawn_kind(traits, pixels)
    if _is_page(traits):
        return "document"
    shaded = traits.soft > 0.25 * (1 - traits.same)
    if traits.same > 0.93 or (traits.same > 0.6 and not shaded):
        return "illustration"
    return "photo"


def _is_drawn(traits: PixelStatistics) -> bool:
    """Return whether the image is line art: flat areas separated by hard edges."""
    lettered = traits.crisp > 0.2 and traits.text > 0.09
    dense = traits.crisp > 0.5 and traits.text > 0.4 and traits.same > 0.55
    return dense or (traits.flat > 0.8 and (traits.crisp > 0.26 or lettered))


def _drawn_kind(traits: PixelStatistics, pixels: Pixels) -> Kind:
    # A scan is never as flat as a computer drawing.
    noisy = traits.flat - traits.same > 0.06 and traits.text > 0.15
    if noisy or traits.same > 0.975:
        return "document"
    return "screenshot" if pixels.shape[1] >= _SCREEN_WIDTH else "chart"


def _is_page(traits: PixelStatistics) -> bool:
    """Return whether the image is photographed or scanned paper."""
    blank = traits.bright > 0.9 and traits.flat > 0.6
    lettered = traits.text > 0.18 and traits.text > 0.5 * traits.inked
    light = traits.bright > 0.75 or (traits.bright > 0.1 and traits.flat > 0.55)
    return blank or (lettered and light)


def _text(tiles: Pixels) -> tuple[float, float]:
    """Return the shares of cells that look like text, and of cells with ink."""
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
