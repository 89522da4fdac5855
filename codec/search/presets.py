"""Presets of search effort: what is tried, how often, and what it may cost."""

import math
from dataclasses import dataclass, replace
from typing import Final

from slimgate.codec.measures import floors
from slimgate.config import Floor
from slimgate.config.policy import Effort


@dataclass(frozen=True, slots=True)
class EffortPreset:
    """Parameters of the search at one effort.

    Attributes:
        codecs: number of codecs to try, most likely first.
        ways: number of combinations of chroma subsampling and tuning for AVIF.
        samples: maximum trials per candidate on the sample.
        finalists: maximum candidates tried on the whole image.
        trials: trials per finalist, if it holds by then.
        speed: encoder speed of stored renditions.
        spare: margin above the expected quality for the first trial, steps.
        worthwhile: minimum expected saving of a further trial, steps of quality.
        precious: minimum expected saving of a trial beyond the number, steps of quality.
        hope: maximum expected size relative to the best for a candidate to be tried.
        ceilings: check the ceiling on the whole image, restored without a codec, before trying
            downscaled candidates.
        dense: maximum bits per pixel of the best full-size candidate for trying downscaled ones.
        shrunk: factor on the size of downscaled candidates, for each factor of scale beyond 1:
            restoring by a network costs as much as everything else, and samples flatter them.
        enlarged: maximum pixels for trying downscaled candidates if full-size ones compete.
        cleaned: maximum pixels for trying a restorer at full size, the most expensive.
        restoring: maximum CPU time of a network for one trial and the proof of its result,
            seconds per megapixel.
        near: maximum distance of the next quality on the sample that is not worth a trial, steps.
        predicts: choose by predictions from full size which candidates to try on the sample.
        large: pixels above which AVIF is encoded fast, and a trial has to save more: half the time
            and less memory for 0 to 3 % more bytes.
    """

    codecs: int
    ways: int
    samples: int
    finalists: int
    trials: int
    speed: int
    spare: float
    worthwhile: float
    precious: float
    hope: float
    ceilings: bool
    dense: float
    shrunk: float
    enlarged: float
    cleaned: float
    restoring: float = math.inf
    near: int = 2
    predicts: bool = False
    large: float = 32e6


EFFORT_PRESETS: Final[dict[Effort, EffortPreset]] = {
    "fast": EffortPreset(
        codecs=1, ways=1, samples=2, finalists=1, trials=1, speed=9,
        spare=1.0, worthwhile=3, precious=12, hope=0.97,
        ceilings=True, dense=0, shrunk=1.3, enlarged=0, cleaned=0,
    ),
    "balanced": EffortPreset(
        codecs=1, ways=3, samples=2, finalists=2, trials=2, speed=8,
        spare=1.0, worthwhile=3, precious=5, hope=0.95,
        ceilings=False, dense=0.4, shrunk=1.1, enlarged=2e6, cleaned=0,
    ),
    "best": EffortPreset(
        codecs=4, ways=4, samples=3, finalists=4, trials=5, speed=6,
        spare=0.0, worthwhile=0, precious=3, hope=1.05,
        ceilings=True, dense=math.inf, shrunk=1.05, enlarged=math.inf, cleaned=math.inf,
    ),
}  # fmt: skip

_SCORED_PRESETS: Final[dict[Effort, EffortPreset]] = {
    "fast": EffortPreset(
        codecs=1, ways=1, samples=2, finalists=1, trials=1, speed=9,
        spare=1.0, worthwhile=3, precious=12, hope=0.97,
        ceilings=False, dense=math.inf, shrunk=1.05, enlarged=math.inf, cleaned=0,
        restoring=0.12, near=4, predicts=True,
    ),
    "balanced": EffortPreset(
        codecs=1, ways=2, samples=2, finalists=2, trials=2, speed=8,
        spare=1.0, worthwhile=1.5, precious=2, hope=0.95,
        ceilings=False, dense=math.inf, shrunk=1.05, enlarged=math.inf, cleaned=0,
        restoring=0.3, near=4, predicts=True, large=8e6,
    ),
    "best": EFFORT_PRESETS["best"],
}  # fmt: skip
"""Presets where SSIMULACRA2 leads: a sample predicts well enough which scale wins, so that
downscaled candidates take the place of trials at full size."""


_FINE: Final = 65.0
"""Score from which large images are not shrunk, except by effort ``best``: at 70, shrinking 19
photographs of cameras and phones saved 1 % of their bytes, and a restorer takes longer than all
else."""

_SHRUNK_PIXELS: Final = 6e6
"""Largest image that is shrunk under such a score."""


def preset_of(effort: Effort, floor: Floor) -> EffortPreset:
    """Return the preset of an effort under a floor."""
    if not floors.is_scored(floor):
        return EFFORT_PRESETS[effort]
    preset = _SCORED_PRESETS[effort]
    if effort == "best" or (floor.ssimulacra2 or 0) < _FINE:
        return preset
    return replace(preset, enlarged=_SHRUNK_PIXELS)
