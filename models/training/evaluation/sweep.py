"""Measure many images in several processes."""

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from slimgate.models.registry.fetch import cache_folder
from slimgate.models.training import parallel
from slimgate.models.training.errors import NoImages
from slimgate.models.training.evaluation import measuring
from slimgate.models.training.evaluation.plan import Plan, Point

Measured = dict[str, list[list[Point]]]
"""Points of each image, by class."""


def default_folder() -> Path:
    """Return the default folder of stored measures."""
    return cache_folder(os.environ) / "evaluation"


def sweep(
    images: Mapping[str, Sequence[Path]], plan: Plan, folder: Path, *, processes: int
) -> Measured:
    """Measure all images of all classes.

    Args:
        images: files by class.
        plan: what to measure.
        folder: folder of stored measures, created if missing.
        processes: number of processes.

    Raises:
        NoImages: every image is too small.
        UnreadableImage: an image is damaged.
        NoRestorer: a restorer cannot run here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arguments = [(path, plan, folder) for paths in images.values() for path in paths]
    points = iter(
        parallel.results(measuring.measure, arguments, processes=processes, title="measured")
    )
    measured = {
        name: [found for found in itertools.islice(points, len(paths)) if found]
        for name, paths in images.items()
    }
    if not any(measured.values()):
        raise NoImages(f"all images are smaller than {measuring.LEAST_SIDE} pixels on a side")
    return {name: points for name, points in measured.items() if points}
