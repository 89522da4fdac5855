"""Images that are smooth for the most part: averages of them hide the loss of what they show."""

import cv2
import numpy as np
import numpy.typing as npt

from slimgate.codec.image.pixels import Pixels

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


def fundus(side: int = 480) -> Pixels:
    """Make a fundus photograph: a red disc on black, brighter at one spot, with dark vessels."""
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    spot = np.exp(-(((x - 0.2) ** 2 + y**2) / 0.004))
    vessels = np.zeros((side, side), np.uint8)
    middle = (int(0.7 * side), side // 2)
    for turn in range(0, 360, 24):
        axes = (int(0.4 * side), int(0.15 * side))
        cv2.ellipse(vessels, middle, axes, turn, 0, 120, 30, 2, cv2.LINE_AA)
    level = 0.9 - 0.4 * np.hypot(x, y) + 0.5 * spot
    planes = [190 * level - 0.3 * vessels, 95 * level - vessels, 45 * level - 0.3 * vessels]
    disc = np.hypot(x, y) < 0.47
    return np.dstack([np.where(disc, plane, 2).clip(0, 255).round() for plane in planes]).astype(
        np.uint8
    )


def tomogram(side: int = 320) -> Pixels:
    """Make a slice from CT: a gray body with grain on black."""
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    body, bone = np.hypot(x / 1.3, y) < 0.3, np.abs(np.hypot(x / 1.3, y) - 0.27) < 0.015
    grain = np.random.default_rng(4).normal(0, 4, (side, side))
    shades = np.where(bone, 230.0, 105 + 30 * np.sin(9 * x) * np.cos(7 * y))
    return np.asarray(np.where(body, shades + grain, 3).clip(0, 255).round(), np.uint8)
