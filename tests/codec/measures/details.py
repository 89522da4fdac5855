"""How much of the detail of an image is left, by a measure that no floor uses."""

import cv2
import numpy as np

from slimgate.codec.image.pixels import Pixels


def _detail(pixels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return what is finer than 10 pixels and coarser than grain."""
    gray = pixels.astype(np.float64) if pixels.ndim == 2 else pixels[..., :3].mean(axis=2)
    blurred = [np.asarray(cv2.GaussianBlur(gray, (0, 0), sigma)) for sigma in (1.5, 10.0)]
    return np.asarray(blurred[0] - blurred[1], np.float64)


def kept(before: Pixels, after: Pixels) -> float:
    """Return the correlation of detail that is finer than 10 pixels and coarser than grain."""
    return float(np.corrcoef(_detail(before).ravel(), _detail(after).ravel())[0, 1])


def false_steps(before: Pixels, after: Pixels) -> float:
    """Return the largest error that is spread over an area, in levels of 255: what bands are."""
    error = after.astype(np.float64) - before
    return float(np.abs(cv2.GaussianBlur(error, (0, 0), 6.0)).max())
