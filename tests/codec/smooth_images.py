"""Images that are smooth for the most part: averages of them hide the loss of what they show."""

import cv2
import numpy as np
import numpy.typing as npt

from codec.image.pixels import Pixels

_Plane = npt.NDArray[np.float64]


def gradient(height: int = 500, width: int = 800) -> Pixels:
    """Make a sky: colours that change slowly, and nothing else."""
    across, down = np.linspace(16, 188, width), np.linspace(0, 40, height)
    level = across[None, :] + down[:, None]
    planes = [0.55 * level, 0.75 * level, np.clip(level + 25, 0, 255)]
    return np.dstack(planes).round().astype(np.uint8)


def faint_xray(height: int = 720, width: int = 960, *, contrast: float = 14) -> Pixels:
    """Make gray shades like those of an X-ray, with thin faint ribs and a wire.

    Args:
        height: Pixels.
        width: Pixels.
        contrast: Of the thin structures, of 255.
    """
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
    body = 70 + 110 * np.exp(-(((x - 0.5) / 0.22) ** 2)) * (0.4 + 0.6 * y)
    lungs = sum(_bump(x, y, at, 0.35) for at in (0.27, 0.73))
    lines = _structures(height, width) * contrast
    grain = np.random.default_rng(3).normal(0, 0.7, (height, width))
    return np.asarray((body - 45 * lungs + lines + grain).clip(0, 255).round(), np.uint8)


def _bump(x: _Plane, y: _Plane, at: float, high: float) -> _Plane:
    return np.asarray(np.exp(-(((x - at) / 0.13) ** 2) - ((y - high) / 0.3) ** 2))


def _structures(height: int, width: int) -> _Plane:
    canvas = np.zeros((height, width), np.uint8)
    for rib in range(9):
        top = int(height * (0.12 + 0.085 * rib))
        for side in (0.27, 0.73):
            middle, axes = (int(width * side), top), (int(0.17 * width), int(0.07 * height))
            cv2.ellipse(canvas, middle, axes, 8, 180, 360, 255, 2, cv2.LINE_AA)
    wire = np.array(
        [[0.08 * width + 9 * step, 0.9 * height - 0.02 * step**2] for step in range(90)]
    )
    cv2.polylines(canvas, [wire.astype(np.int32)], isClosed=False, color=255, lineType=cv2.LINE_AA)
    return canvas.astype(np.float64) / 255
