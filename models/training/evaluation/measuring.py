"""Measure one image in every way, and store the measures so that a sweep can continue."""

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Final

import imagecodecs
import PIL

from slimgate.models.training import pairs, renditions
from slimgate.models.training.evaluation import restorers
from slimgate.models.training.evaluation.plan import NONE, Coding, Plan, Point
from slimgate.models.training.evaluation.restorers import Tested
from slimgate.models.training.renditions import Pixels

LEAST_SIDE: Final = 48
"""Smaller images are skipped: at a scale of 4, SSIM would be undefined."""

_VERSION: Final = 2  # of the measures and their method

_Shrink = Callable[[Tested | None], Pixels]
"""Shrinks the image for a restorer, once for all codings."""

_Measures = dict[str, tuple[int, float, float]]
"""Bytes, PSNR and SSIM by coding and restorer."""


def measure(path: Path, plan: Plan, folder: Path) -> list[Point]:
    """Measure an image in every way of a plan.

    Args:
        path: image.
        plan: what to measure.
        folder: folder of stored measures, including those of earlier plans.

    Returns:
        The points; none if the image is too small.
    """
    original = pairs.cut(path, plan.max_pixels, 1)
    height, width = original.shape[:2]
    if min(height, width) < LEAST_SIDE:
        return []
    kept = folder / f"{_digest(original)}.json"
    measures: _Measures = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    tested = restorers.load_all(plan.restorers)
    points: list[Point] = []
    for scale, codings in itertools.groupby(plan.codings(), key=lambda coding: coding.scale):
        shrink = cache(partial(_shrunk, original, scale))
        before = len(measures)
        for coding in codings:
            _complete(measures, coding, original, shrink, tested[scale])
            points += _points(measures, coding, tested[scale], height * width)
        if len(measures) > before:
            _write(kept, measures)
    return points


def _shrunk(original: Pixels, scale: int, tested: Tested | None) -> Pixels:
    return renditions.shrink(original, scale, tested.restorer if tested else None)


def _complete(
    measures: _Measures, coding: Coding, original: Pixels, shrink: _Shrink, tested: list[Tested]
) -> None:
    """Add missing measures."""
    missing = [(key, each) for key, each in _keys(coding, tested) if key not in measures]
    if not missing:
        return
    level = renditions.level(coding.codec, coding.quality)
    files: dict[bytes, tuple[int, Pixels]] = {}  # most restorers shrink alike
    for key, each in missing:
        small = shrink(each)
        size, decoded = files.get(pixels := small.tobytes()) or _coded(small, coding)
        files[pixels] = size, decoded
        restored = _restored(decoded, original, coding.scale, level, each)
        psnr, ssim = renditions.psnr(original, restored), renditions.ssim(original, restored)
        measures[key] = size, psnr, ssim


def _coded(small: Pixels, coding: Coding) -> tuple[int, Pixels]:
    """Return the size of a file, bytes, and its pixels."""
    data = renditions.encode(small, coding.codec, coding.quality, coding.chroma)
    height, width = small.shape[:2]
    return len(data), renditions.decode(data, coding.codec, width=width, height=height)


def _restored(
    decoded: Pixels, original: Pixels, scale: int, level: int, tested: Tested | None
) -> Pixels:
    if tested is None:
        return decoded
    full = tested.restorer.upscale(decoded, scale, level=level)
    return full[: original.shape[0], : original.shape[1]]


def _points(
    measures: _Measures, coding: Coding, tested: list[Tested], area: int
) -> Iterator[Point]:
    for key, each in _keys(coding, tested):
        size, psnr, ssim = measures[key]
        label = NONE if each is None else each.label
        yield Point(coding, label, 8 * size / area, psnr, ssim)


def _keys(coding: Coding, tested: list[Tested]) -> Iterator[tuple[str, Tested | None]]:
    said = " ".join(map(str, coding))
    if coding.scale == 1:
        yield f"{said} {NONE}", None
    for each in tested:
        yield f"{said} {each.digest}", each


def _digest(original: Pixels) -> str:
    """Return a digest of an image and of what creates its renditions."""
    versions = f"{_VERSION} {PIL.__version__} {imagecodecs.__version__} {original.shape}"
    return hashlib.sha256(versions.encode() + original.tobytes()).hexdigest()[:32]


def _write(path: Path, measures: _Measures) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(measures), "utf-8")
    unfinished.replace(path)
