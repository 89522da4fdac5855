"""Encode crops of images as lossless data URIs, bounded in number and bytes."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from slimgate.codec.image.pixels import Pixels
from slimgate.eval.compare.comparison import by_fidelity
from slimgate.eval.compare.rows import Crop, Row

MAX_EXHIBITS: Final = 24
"""Maximum number of crops on a page."""

MAX_BYTES: Final = 12 * 2**20
"""Maximum size of all crops on a page as data URIs, bytes."""

SIDE: Final = (352, 264)
"""Maximum width and height of a crop, pixels."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A crop, encoded for the page.

    Attributes:
        row: measures of the whole image.
        left: left edge of the crop in the upload, pixels.
        top: top edge of the crop in the upload, pixels.
        width: width of the crop, pixels.
        height: height of the crop, pixels.
        original: crop of the upload, as a data URI.
        served: crop of the served file.
        stored: crop of the decoded rendition; None if identical to the served one.
    """

    row: Row
    left: int
    top: int
    width: int
    height: int
    original: str
    served: str
    stored: str | None


def within_bounds(exhibits: Sequence[Crop]) -> tuple[Shown, ...]:
    """Encode crops, worst fidelity first, up to the limits."""
    ordered = sorted(exhibits, key=lambda each: by_fidelity(each.row))
    return tuple(_until_full(ordered[:MAX_EXHIBITS]))


def _until_full(exhibits: Sequence[Crop]) -> Iterator[Shown]:
    left = MAX_BYTES
    for exhibit in exhibits:
        shown = _shown(exhibit)
        left -= len(shown.original) + len(shown.served) + len(shown.stored or "")
        if left < 0:
            return
        yield shown


def _shown(exhibit: Crop) -> Shown:
    height, width = exhibit.original.shape[:2]
    scale = max(1, exhibit.row.scale)
    # Align to whole pixels of the rendition; otherwise the three crops would not overlay.
    columns = _middle(width, SIDE[0], scale)
    rows = _middle(height, SIDE[1], scale)
    small = (
        slice(rows.start // scale, -(-rows.stop // scale)),
        slice(columns.start // scale, -(-columns.stop // scale)),
    )
    original, served = exhibit.original[rows, columns], exhibit.served[rows, columns]
    stored = exhibit.stored[small]
    return Shown(
        row=exhibit.row,
        left=exhibit.left + columns.start,
        top=exhibit.top + rows.start,
        width=columns.stop - columns.start,
        height=rows.stop - rows.start,
        original=_data_uri(original),
        served=_data_uri(served),
        stored=None if np.array_equal(stored, served) else _data_uri(stored),
    )


def _middle(length: int, limit: int, scale: int) -> slice:
    if length <= limit:
        return slice(0, length)
    start = (length - limit) // 2 // scale * scale
    return slice(start, start + limit // scale * scale)


def _data_uri(pixels: Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True, quality=0, method=2, exact=True)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")
