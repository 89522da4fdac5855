"""Images to learn from and runs that learn from them, both as small as they can be."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from slimgate.models.training.settings import Run, Schedule

Pixels = npt.NDArray[np.uint8]


def picture(side: int, *, seed: int) -> Pixels:
    """Make an image with smooth parts, edges and some noise: uint8, (side, side, 3)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    slopes = random.uniform(-90, 90, (3, 2))
    values = 128 + x[..., None] * slopes[:, 0] + y[..., None] * slopes[:, 1]
    for _ in range(6):
        across, down, reach = random.uniform(0.05, 0.95, 3)
        values[np.hypot(x - across, y - down) < reach / 4] += random.uniform(-70, 70, 3)
    noisy: Pixels = np.clip(values + random.normal(0, 2, values.shape), 0, 255).astype(np.uint8)
    return noisy


def write_pictures(folder: Path, count: int, *, side: int = 72) -> Path:
    """Put some images into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        Image.fromarray(picture(side, seed=seed)).save(folder / f"{seed}.png")
    return folder


def roughness(pixels: Pixels) -> float:
    """Return the mean difference between a pixel and the one below it."""
    return float(np.abs(np.diff(pixels.astype(np.int64), axis=0)).mean())


def tiny_run(folder: Path | None, **changes: object) -> Run:
    """Describe a run of a few steps; changes may be of any key, those of the schedule included."""
    schedule: Mapping[str, object] = {
        "steps": 6,
        "batch": 2,
        "patch": 16,
        "warmup": 1,
        "validate_every": 2,
        "ema": 0.5,
    }
    content = {
        "name": "tiny",
        "scale": 2,
        "data": {
            "folder": folder,
            "codings": [
                {"codec": "avif", "qualities": [40, 90]},
                {"codec": "lossless", "weight": 1},
            ],
            "variants": 2,
            "validation_pixels": 4096,
            "validation": 1,
        },
        "network": {"width": 4, "depth": 1},
        "schedule": {**schedule, **{k: v for k, v in changes.items() if k in _OF_SCHEDULE}},
        **{key: value for key, value in changes.items() if key not in _OF_SCHEDULE},
    }
    return Run.model_validate(content)


_OF_SCHEDULE = frozenset(Schedule.model_fields)
