"""Recognize medical images and maps: small things in them matter more than the mean of an image.

Integer statistics of tiles and of a coarse grid give the same result on every machine. Taking
another image for one of these costs bytes, and missing one costs detail, so thresholds are lenient
(docs/floors.md has the confusion table). Satellite and aerial images are not recognized: nothing
that cheap distinguishes them from grass, gravel and foliage.
"""

from dataclasses import dataclass
from typing import Final, Literal, Self

import cv2
import numpy as np
import numpy.typing as npt

from slimgate.codec.image.content_kind import Kind, PixelStatistics
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.image.tiles import gray, height, stacked

Subject = Literal["map", "medical"]

_GRID: Final = 64  # points on a side
_EDGE: Final = 3  # points next to the border of an image
_CORNER: Final = 6  # points on a side of each corner
_GRAY: Final = 8  # of 255: the chroma noise of JPEG
_LABELLED: Final = 24  # of 255: the same around coloured labels
_DARK: Final = 32
_STEP: Final = 8  # of 255: a thin line of a pale colour on another
_LINED: Final = 0.03  # minimum share of such steps in a tile with lines

_Grid = npt.NDArray[np.int16]


def subject(pixels: Pixels, kind: Kind) -> Subject | None:
    """Return what an image shows, if it is one of the subjects.

    The thresholds were tuned manually on 67 X-rays and scans, 8 fundus photographs, 40 maps and
    about 650 other images.

    Args:
        pixels: uint8, (height, width[, channels]), at least 2 on each side.
        kind: kind of the image.
    """
    traits = PixelStatistics.of(pixels)
    if _is_map(pixels, traits):
        return "map"
    if pixels.ndim == 3 and pixels.shape[2] == 4 and not pixels[..., 3].all():
        return None  # cut out of its background
    if kind not in ("photo", "illustration"):
        return None
    grid = _grid(pixels)
    return "medical" if _is_radiograph(grid, traits) or _is_fundus(grid) else None


def _is_radiograph(grid: _Grid, traits: PixelStatistics) -> bool:
    """Return whether an image is an X-ray, or from CT, MR or ultrasound.

    They are gray, and shaded rather than edged, or gray with coloured labels on black.
    """
    chroma = np.ptp(grid, axis=2)
    shaded = traits.crisp < 0.125 or traits.hard < 0.01
    gray = float((chroma <= _GRAY).mean()) >= 0.98 and shaded
    labelled = float((chroma <= _LABELLED).mean()) >= 0.94 and _black_border(grid) > 0.7
    return gray or labelled


def _black_border(grid: _Grid) -> float:
    """Return the share of the border of an image that is black."""
    dark = grid.max(axis=2) <= _DARK
    rows, columns = dark[[*range(_EDGE), *range(-_EDGE, 0)]], dark[:, [0, 1, 2, -3, -2, -1]]
    return float(np.concatenate([rows.ravel(), columns.ravel()]).mean())


def _is_fundus(grid: _Grid) -> bool:
    """Return whether an image is a fundus photograph: a red disc on black."""
    dark = grid.max(axis=2) <= _DARK
    first, last = slice(0, _CORNER), slice(-_CORNER, None)
    corners = [dark[rows, columns] for rows in (first, last) for columns in (first, last)]
    if np.mean(corners) < 0.9 or not 0.12 <= dark.mean() <= 0.6:
        return False
    red, green, blue = np.moveaxis(grid[~dark], -1, 0)
    ordered = (red >= green) & (green >= blue) & (red - blue >= 20)
    return bool(ordered.mean() >= 0.9 and np.median(red - green) >= 30)


def _is_map(pixels: Pixels, traits: PixelStatistics) -> bool:
    """Return whether an image is a map: lines everywhere between flat colours.

    Charts and pages leave most of their paper blank, and photographs have hardly any flat pixels
    where they have lines.
    """
    flat = traits.same >= 0.35 or (traits.text >= 0.18 and traits.same >= 0.2)
    if not flat:
        return False
    found = MapStatistics.of(pixels)
    return found.lined >= 0.85 and found.paper < 0.75


@dataclass(frozen=True, slots=True)
class MapStatistics:
    """Statistics that tell maps from charts and pages, as shares of 1.

    Attributes:
        lined: tiles with lines.
        paper: pixels of the most frequent colour.
    """

    lined: float
    paper: float

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """Return the statistics of an image.

        Args:
            pixels: uint8, (height, width[, channels]), at least 2 on each side.
        """
        tiles = stacked(pixels)
        luma = gray(tiles)
        steps = cv2.absdiff(luma[:, 1:], luma[:, :-1]) > _STEP
        shares = steps.reshape(-1, height(pixels), steps.shape[1]).mean(axis=(1, 2))
        colours = np.bincount(_coarse(tiles).ravel(), minlength=1)
        return cls(float((shares > _LINED).mean()), float(colours.max() / colours.sum()))


def _coarse(tiles: Pixels) -> npt.NDArray[np.uint16]:
    """Return one number for each pixel, of the upper four bits of its channels."""
    if tiles.ndim == 2:
        return np.asarray(tiles >> 4, np.uint16)
    red, green, blue = np.moveaxis(tiles[..., :3] >> 4, -1, 0).astype(np.uint16)
    return np.asarray(red << 8 | green << 4 | blue, np.uint16)


def _grid(pixels: Pixels) -> _Grid:
    """Return points of a regular grid over the whole image: (64, 64, 3)."""
    rows, columns = (np.arange(_GRID) * (length - 1) // (_GRID - 1) for length in pixels.shape[:2])
    points = pixels[rows][:, columns]
    colour = np.dstack([points] * 3) if points.ndim == 2 else points[..., :3]
    return colour.astype(np.int16)
