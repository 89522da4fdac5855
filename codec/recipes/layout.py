"""Turn pixels into the bytes of a segment, and back."""

from typing import Any

import numpy as np
import numpy.typing as npt

from slimgate.codec.image.pixels import Samples
from slimgate.codec.recipes.plan import INTERLACED, Layout


def as_samples(numbers: npt.NDArray[Any]) -> Samples:
    """Return samples in the machine's byte order, as a copy if they are in another one."""
    if numbers.dtype.itemsize == 1:
        return numbers.astype(np.uint8, copy=False)
    return numbers.astype(np.uint16, copy=False)


def row_bytes(width: int, channels: int, layout: Layout) -> int:
    """Return the bytes per row."""
    size = width * channels * layout.sample
    return -(-size // layout.align) * layout.align


def to_bytes(samples: Samples, layout: Layout) -> bytes:
    """Return the bytes of a segment before compression.

    Args:
        samples: uint8 or uint16, (height, width, channels).
        layout: layout of the segment.
    """
    if layout.difference:
        samples = samples.copy()
        samples[:, 1:] -= samples[:, :-1].copy()
    if layout.bottom_up:
        samples = samples[::-1]
    if layout.reverse:
        samples = samples[..., ::-1]
    if _is_interlaced(layout):
        samples = samples[_passes(len(samples))]
    height, width, channels = samples.shape
    stored = np.ascontiguousarray(samples, _dtype(layout)).view(np.uint8).reshape(height, -1)
    padding = row_bytes(width, channels, layout) - stored.shape[1]
    return np.pad(stored, ((0, 0), (0, padding))).tobytes() if padding else stored.tobytes()


def from_bytes(stored: bytes, shape: tuple[int, int, int], layout: Layout) -> Samples | None:
    """Return the samples of a segment; None if it has another length.

    Args:
        stored: bytes of the segment after decompression.
        shape: height, width and channels.
        layout: layout of the segment.
    """
    height, width, channels = shape
    row = row_bytes(width, channels, layout)
    if len(stored) != height * row:
        return None
    lines = np.frombuffer(stored, np.uint8).reshape(height, row)
    used = np.ascontiguousarray(lines[:, : width * channels * layout.sample])
    samples = as_samples(used.view(_dtype(layout)).reshape(height, width, channels))
    if _is_interlaced(layout):
        rows = samples.copy()
        samples = np.empty_like(rows)
        samples[_passes(height)] = rows
    if layout.reverse:
        samples = samples[..., ::-1]
    if layout.bottom_up:
        samples = samples[::-1]
    if layout.difference:
        samples = as_samples(np.cumsum(samples, axis=1, dtype=samples.dtype))
    return samples


def _is_interlaced(layout: Layout) -> bool:
    return layout.family == "gif" and bool(layout.variant & INTERLACED)


def _passes(height: int) -> list[int]:
    """Return the rows in the order of interlaced data."""
    starts = ((0, 8), (4, 8), (2, 4), (1, 2))
    return [row for start, step in starts for row in range(start, height, step)]


def _dtype(layout: Layout) -> str:
    return f"{'>' if layout.big else '<'}u{layout.sample}"
