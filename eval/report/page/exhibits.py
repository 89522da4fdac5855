"""Pieces of images to look at, as data URIs: without loss, and bounded in number and bytes."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from codec.image.pixels import Pixels
from eval.compare.rows import Exhibit, Row

MAX_EXHIBITS: Final = 24
"""How many images a page shows at most."""

MAX_BYTES: Final = 12 * 2**20
"""How many bytes of a page images take at most, as data URIs."""

SIDE: Final = (352, 264)
"""Largest width and height of what is shown of an image, pixels."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An exhibit as the page has it.

    Attributes:
        row: What was measured of the whole image.
        left: Where the piece begins in the upload, pixels from the left.
        top: The same from the top.
        width: Of the piece, pixels.
        height: The same.
        original: The upload, as a data URI.
        served: What GET gives.
        stored: What lies in the bucket; None where it decodes to just what is served.
    """

    row: Row
    left: int
    top: int
    width: int
    height: int
    original: str
    served: str
    stored: str | None


def within_bounds(exhibits: Sequence[Exhibit]) -> tuple[Shown, ...]:
    """Encode exhibits, worst fidelity first, until there are enough of them."""
    ordered = sorted(exhibits, key=lambda each: each.row.psnr_db or 0.0)
    return tuple(_until_full(ordered[:MAX_EXHIBITS]))


def _until_full(exhibits: Sequence[Exhibit]) -> Iterator[Shown]:
    left = MAX_BYTES
    for exhibit in exhibits:
        shown = _shown(exhibit)
        left -= len(shown.original) + len(shown.served) + len(shown.stored or "")
        if left < 0:
            return
        yield shown


def _shown(exhibit: Exhibit) -> Shown:
    height, width = exhibit.original.shape[:2]
    scale = max(1, exhibit.row.scale)
    # Whole pixels of what is stored, or the three states would not lie on each other.
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
