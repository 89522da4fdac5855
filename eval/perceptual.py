"""Measures that follow the eye, where somebody installed what they need; None elsewhere.

SSIMULACRA2 and LPIPS compare; NIQE looks at what is served alone, and is there for restorers that
invent texture. Their packages are large (LPIPS and NIQE bring torch along), so that no report needs
them. Alpha is left out, and so are images of more than ``MAX_PIXELS`` from LPIPS and NIQE.
"""

import importlib
import importlib.util
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from codec.pixels import Pixels

PACKAGES: Final = {"ssimulacra2": "ssimulacra2", "lpips": "lpips", "niqe": "pyiqa"}
"""Which package each measure needs."""


MAX_PIXELS: Final = 4_000_000
"""Largest image that networks look at: their activations take hundreds of bytes for each pixel."""


def installed(measure: str) -> bool:
    """Tell whether a measure can be taken here."""
    return importlib.util.find_spec(PACKAGES[measure]) is not None


def ssimulacra2(original: Pixels, restored: Pixels) -> float | None:
    """Give SSIMULACRA2 (100: no difference to be seen), or None without its package."""
    if not installed("ssimulacra2"):
        return None
    compute: Callable[[str, str], float] = importlib.import_module(
        "ssimulacra2"
    ).compute_ssimulacra2
    # The package reads files and nothing else.
    with tempfile.TemporaryDirectory(prefix="slimgate-") as folder:
        paths = [str(Path(folder, name)) for name in ("original.png", "restored.png")]
        for path, pixels in zip(paths, (original, restored), strict=True):
            Image.fromarray(_rgb(pixels)).save(path, compress_level=0)
        return float(compute(*paths))


def lpips(original: Pixels, restored: Pixels) -> float | None:
    """Give LPIPS with AlexNet (0: no difference), or None without its package."""
    if not installed("lpips") or _is_large(original):
        return None
    network = _lpips_network()
    return float(network(_tensor(original) * 2 - 1, _tensor(restored) * 2 - 1).item())


def niqe(restored: Pixels) -> float | None:
    """Give NIQE (lower: more natural), or None without its package."""
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
    """Give (1, 3, height, width), 0 to 1, as torch wants it."""
    torch = importlib.import_module("torch")
    values = np.ascontiguousarray(_rgb(pixels).transpose(2, 0, 1)[None], dtype=np.float32) / 255
    return torch.from_numpy(values)


def _rgb(pixels: Pixels) -> Pixels:
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
