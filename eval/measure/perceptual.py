"""Perceptual measures, where their packages are installed; None elsewhere.

LPIPS compares; NIQE judges the served file alone, for restorers that synthesize texture. Both
packages require torch, so reports work without them. Both ignore alpha, and skip images above
``MAX_PIXELS``.
"""

import importlib
import importlib.util
from functools import cache
from typing import Any, Final

import numpy as np

from slimgate.codec.image.pixels import Pixels

PACKAGES: Final = {"lpips": "lpips", "niqe": "pyiqa"}
"""Package of each measure."""


MAX_PIXELS: Final = 4_000_000
"""Largest image for networks: activations take hundreds of bytes per pixel."""


def installed(measure: str) -> bool:
    """Return whether the package of a measure is installed."""
    return importlib.util.find_spec(PACKAGES[measure]) is not None


def lpips(original: Pixels, restored: Pixels) -> float | None:
    """Return LPIPS with AlexNet (0: identical), or None without its package."""
    if not installed("lpips") or _is_large(original):
        return None
    network = _lpips_network()
    return float(network(_tensor(original) * 2 - 1, _tensor(restored) * 2 - 1).item())


def niqe(restored: Pixels) -> float | None:
    """Return NIQE (lower: more natural), or None without its package."""
    if not installed("niqe") or _is_large(restored):
        return None
    return float(_niqe_network()(_tensor(restored)).item())


@cache
def _lpips_network() -> Any:
    network = importlib.import_module("lpips").LPIPS(net="alex", verbose=False)
    return network.eval().requires_grad_(requires_grad=False)


@cache
def _niqe_network() -> Any:
    return importlib.import_module("pyiqa").create_metric("niqe")


def _is_large(pixels: Pixels) -> bool:
    height, width = pixels.shape[:2]
    return bool(height * width > MAX_PIXELS)


def _tensor(pixels: Pixels) -> Any:
    """Return a tensor of shape (1, 3, height, width), 0 to 1."""
    torch = importlib.import_module("torch")
    values = np.ascontiguousarray(_rgb(pixels).transpose(2, 0, 1)[None], dtype=np.float32) / 255
    return torch.from_numpy(values)


def _rgb(pixels: Pixels) -> Pixels:
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
