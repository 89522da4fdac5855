"""Crop images for inspection: uploaded, stored, and served."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from slimgate.codec import manifest
from slimgate.codec.encoders import by_name
from slimgate.codec.image.pixels import Pixels, decode_as
from slimgate.codec.image.resample import small_size
from slimgate.codec.measures import ssimulacra2
from slimgate.codec.measures.psnr import PERFECT_PSNR_DB
from slimgate.codec.restore.restore import Upscalers, restore
from slimgate.eval.compare.coders import Source
from slimgate.eval.compare.comparison import by_fidelity
from slimgate.eval.compare.rows import Crop, Row

WIDTH, HEIGHT = 352, 264
"""Largest crop, pixels."""

_BLOCK: Final = 64


def chosen(rows: Sequence[Row], count: int) -> list[Row]:
    """Return the rows of the least faithful images, excluding identical ones.

    Args:
        rows: rows of the policy.
        count: maximum number of rows.
    """
    lossy = [row for row in rows if row.psnr_db is not None and row.psnr_db < PERFECT_PSNR_DB]
    return sorted(lossy, key=by_fidelity)[:count]


def exhibit(row: Row, source: Source, rendition: bytes, note: str, upscalers: Upscalers) -> Crop:
    """Return the crop around the worst region by SSIMULACRA2, or the worst block if tiny.

    Args:
        row: measures of the image.
        source: upload.
        rendition: stored rendition.
        note: its manifest.
        upscalers: source of restorers.

    Raises:
        BrokenManifest, DamagedRendition, DigestMismatch: the rendition does not restore.
    """
    how = manifest.loads(note)
    upload = source.upload
    served = decode_as(upload, restore(rendition, how, upscalers))
    width, height = small_size(upload.width, upload.height, how.stored.scale)
    small = by_name(how.stored.codec).read(rendition, mode=upload.mode, width=width, height=height)
    top, left, side = worst_place(source.pixels, served)
    scale = how.stored.scale
    rows = _around(top + side // 2, HEIGHT, upload.height, scale)
    columns = _around(left + side // 2, WIDTH, upload.width, scale)
    less = tuple(slice(s.start // scale, -(-s.stop // scale)) for s in (rows, columns))
    return Crop(
        row=row,
        left=columns.start,
        top=rows.start,
        original=_copied(source.pixels[rows, columns]),
        stored=_copied(small[less]),
        served=_copied(served[rows, columns]),
    )


def worst_place(original: Pixels, served: Pixels) -> tuple[int, int, int]:
    """Return top, left and side of the worst region by SSIMULACRA2, or of the worst block."""
    if min(original.shape[:2]) < ssimulacra2.SMALLEST:
        return (*worst_block(original, served), _BLOCK)
    return (*ssimulacra2.Reference(original).worst_region(served), ssimulacra2.REGION)


def worst_block(original: Pixels, served: Pixels) -> tuple[int, int]:
    """Return top and left of the block of 64x64 pixels with the largest error."""
    height, width = (max(1, side // _BLOCK) for side in original.shape[:2])
    errors = np.zeros((height, width))
    for y in range(height):
        rows = slice(y * _BLOCK, (y + 1) * _BLOCK)
        difference = original[rows].astype(np.float32) - served[rows].astype(np.float32)
        for x in range(width):
            block = difference[:, x * _BLOCK : (x + 1) * _BLOCK]
            errors[y, x] = float(np.square(block).mean())
    row, column = divmod(int(errors.argmax()), width)
    return row * _BLOCK, column * _BLOCK


def _around(middle: int, length: int, whole: int, scale: int) -> slice:
    """Return a slice around a place, aligned to whole pixels of the rendition."""
    length = min(length, whole)
    first = min(max(0, middle - length // 2), whole - length) // scale * scale
    return slice(first, min(first + length, whole))


def _copied(pixels: Pixels) -> Pixels:
    """Return a copy, so that the crop does not keep the image in memory."""
    return np.ascontiguousarray(pixels).copy()
