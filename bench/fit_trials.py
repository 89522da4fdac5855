"""Encode, restore and measure one image and its sample at several qualities and scales.

What the search predicts is fitted to these trials (:mod:`bench.fits`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bench import journal, reference
from bench.contest import policy_of
from bench.journal import Line
from slimgate import models
from slimgate.codec.encoders import EncoderSettings, avif
from slimgate.codec.encoders.coding import LOSSLESS
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.image.sample import Sample
from slimgate.codec.measures import floors
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.restore.restore import enlarge
from slimgate.codec.search.quality_model import Activity
from slimgate.codec.search.shrinking import shrunk
from slimgate.codec.search.state import Candidate
from slimgate.config import Floor

SPEED: Final = 8
"""Encoder speed, that of ``balanced``."""

UNCODED: Final = 101
"""Quality that stands for pixels which no codec has touched."""

_QUALITIES: Final = {1: (35, 50, 65, 80, 92), 2: (50, 65, 80, 92), 3: (60, 80, 92), 4: (60, 80, 92)}

_LARGE: Final = 1_200_000
"""Pixels beyond which an image is measured at fewer qualities, in full chroma alone."""

_FEW: Final = {1: (50, 65, 80), 2: (65, 78, 90), 3: (80, 92)}

_HUGE: Final = 5_000_000
"""Pixels beyond which it is measured at fewer still."""

_FEWEST: Final = {1: (62, 80), 2: (75, 90)}

_SOUGHT: Final = Floor(
    psnr_db=1, ssim=None, orb=0.01, block_psnr_db=1, ssimulacra2=1, ssimulacra2_worst=1
)
"""A floor whose measures are taken."""


@dataclass(frozen=True, slots=True)
class Task:
    """One image.

    Attributes:
        path: file.
        held: predictions are judged by it, not fitted to it.
    """

    path: Path
    held: bool


@dataclass(frozen=True, slots=True)
class _Subject:
    """An image, or its sample.

    Attributes:
        pixels: pixels to encode.
        sample: sample; None: the image itself.
        original: pixels to compare with, without seams.
    """

    pixels: Pixels
    sample: Sample | None
    original: Prepared

    @classmethod
    def whole(cls, pixels: Pixels) -> "_Subject":
        return cls(pixels, None, Prepared(pixels))

    @classmethod
    def part(cls, sample: Sample) -> "_Subject":
        return cls(sample.pixels, sample, Prepared(sample.inside(sample.pixels)))

    def measured(self, restored: Pixels) -> Mapping[str, float | None]:
        """Return the measures that floors of scores demand."""
        shown = self.sample.inside(restored) if self.sample else restored
        reading = floors.read(_SOUGHT, self.original, shown, thorough=True)
        names = ("psnr_db", "block_psnr_db", "orb", "ssimulacra2", "ssimulacra2_worst")
        return {name: getattr(reading, name) for name in names}


def trials(task: Task) -> list[Line]:
    """Return a line per trial of one image, and one of its statistics."""
    pixels = reference.decoded_plainly(task.path.read_bytes())
    sample = Sample.of(pixels)
    area = pixels.shape[0] * pixels.shape[1]
    qualities = _QUALITIES if area <= _LARGE else _FEW if area <= _HUGE else _FEWEST
    common = {"image": journal.name(task.path), "held": task.held}
    lines = [_statistics(pixels, sample)]
    subjects = [_Subject.whole(pixels)] + ([_Subject.part(sample)] if sample.share < 1 else [])
    for subject in subjects:
        one = subject.sample or area > _LARGE
        for chroma in ("4:4:4",) if one else ("4:4:4", "4:2:0"):
            lines += _trials(subject, chroma, qualities)
    return [{**common, **line} for line in lines]


def _statistics(pixels: Pixels, sample: Sample) -> Line:
    restorers, find = models.chosen(policy_of({}).restorer), journal.upscalers()
    mosaics = {
        scale: _activity(shrunk(sample.pixels, scale, restorers[scale], find))
        for scale in _QUALITIES
    }
    return {
        "pixels": pixels.shape[0] * pixels.shape[1],
        "share": sample.share,
        "whole": _activity(pixels),
        "inside": _activity(sample.inside(sample.pixels)),
        "mosaics": mosaics,
    }


def _activity(pixels: Pixels) -> tuple[float, float]:
    found = Activity.of(pixels)
    return found.gradient, found.flat


def _trials(
    subject: _Subject, chroma: str, qualities: Mapping[int, Sequence[int]]
) -> Iterator[Line]:
    """Yield the trials of a subject; downscaled candidates have full chroma."""
    restorers = models.chosen(policy_of({}).restorer)
    for scale, tried in qualities.items():
        if scale > 1 and chroma != "4:4:4":
            continue
        tier: Literal["downscale", "recode"] = "downscale" if scale > 1 else "recode"
        restorer = restorers[scale] if scale > 1 else None
        candidate = Candidate(tier, "avif", scale, restorer, chroma, "ssimulacra2")
        for quality in (UNCODED, *tried) if scale > 1 else tried:
            yield _trial(subject, candidate, quality)


def _trial(subject: _Subject, candidate: Candidate, quality: int) -> Line:
    height, width = subject.pixels.shape[:2]
    small = shrunk(subject.pixels, candidate.scale, candidate.restorer, journal.upscalers())
    stored, size = candidate.stored(min(quality, 100)), 0
    if quality == UNCODED:
        stored = stored.model_copy(update={"level": LOSSLESS})
    else:
        settings = EncoderSettings(
            quality=quality,
            subsampling=candidate.subsampling,
            speed=SPEED,
            tune=candidate.tune,
        )
        file = avif.encode(small, settings)
        mode = {2: "L", 3: "RGB", 4: "RGBA"}[small.ndim if small.ndim == 2 else small.shape[2]]
        size = len(file)
        small = avif.read(file, mode=mode, width=small.shape[1], height=small.shape[0])
    restored = enlarge(small, stored, size=(width, height), upscalers=journal.upscalers())
    return {
        "sampled": subject.sample is not None,
        "chroma": candidate.subsampling,
        "scale": candidate.scale,
        "quality": quality,
        "size": size,
        **subject.measured(restored),
    }
