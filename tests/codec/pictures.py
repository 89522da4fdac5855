"""Photographs and noise for the tests of the codec, and files made of them."""

import io
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import skimage
from PIL import Image

from slimgate import models
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.optimize import OptimizeOptions
from slimgate.config import Policy

_PHOTOS: Final = Path(skimage.__file__).parent / "data"
LANCZOS: Final = models.named("lanczos").hash
RESTORERS: Final = models.chosen("lanczos")
FOREVER: Final = float("inf")


@cache
def photo(name: str, mode: str = "RGB") -> Pixels:
    """Return a photograph from scikit-image."""
    with Image.open(_PHOTOS / name) as image:
        return np.asarray(image.convert(mode))


def crop(mode: str, width: int, height: int) -> Pixels:
    """Cut a piece with much detail out of a photograph; its alpha is another piece of it."""
    source = photo("astronaut.png", "L" if mode == "L" else "RGB")
    piece = source[40 : 40 + height, 150 : 150 + width]
    if mode == "RGBA":
        return np.dstack([piece, photo("astronaut.png", "L")[200 : 200 + height, 50 : 50 + width]])
    return np.ascontiguousarray(piece)


def noise(*shape: int, seed: int = 5) -> Pixels:
    """Make pixels that have nothing in common with each other."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.integers(0, 256, shape), dtype=np.uint8)


def worsened(pixels: Pixels, by: int, seed: int = 9) -> Pixels:
    """Add noise of at most ``by`` to every sample."""
    added = np.random.default_rng(seed).integers(-by, by + 1, pixels.shape)
    return np.asarray(np.clip(pixels + added, 0, 255), dtype=np.uint8)


def save(pixels: Pixels, format_: str, **parameters: Any) -> bytes:
    """Encode pixels as a file."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, format_, **parameters)
    return target.getvalue()


def opened(data: bytes) -> Pixels:
    """Decode a file of any format."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def policy(**changes: Any) -> Policy:
    """Make a policy that optimizes everything as AVIF, with keys added or replaced.

    A floor that is given demands neither key points nor a worst block unless it says so.
    """
    plain = {"name": "p", "bucket": "*", "mode": "optimize"}
    if "floor" in changes:
        changes["floor"] = {"orb": None, "block_psnr_db": None, **changes["floor"]}
    few = {"tiers": ["downscale", "recode"], "codecs": ["avif"]}
    return Policy.model_validate({**plain, **few, **changes})


def optimize_options(**changes: Any) -> OptimizeOptions:
    """Make terms of a policy that has keys added or replaced."""
    return OptimizeOptions(policy(**changes), "image/x", RESTORERS, "0.1.0", FOREVER)
