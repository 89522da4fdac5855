"""List the candidates that a policy allows, and the presets of search effort."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from codec.encoders import Tune, by_name
from codec.measures import floors
from codec.search.omissions import Omission, What
from codec.search.state import Candidate, SearchState, SourceImage
from config import Policy
from config.policy import Codec, Effort

_LIKELY: Final[tuple[Codec, ...]] = ("avif", "jxl", "webp", "jpeg")
"""Codecs, most likely winner first."""


_LARGE_ENOUGH: Final = 40_000
"""Smallest rendition that is tuned for SSIMULACRA2, pixels."""


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
        shrunk: factor on the size of downscaled candidates: restoring by a network costs as much as
            everything else, and samples flatter them.
        enlarged: maximum pixels for trying downscaled candidates if full-size ones compete.
        cleaned: maximum pixels for trying a restorer at full size, the most expensive.
    """

    codecs: int
    ways: int
    samples: int
    finalists: int
    trials: int
    speed: int
    spare: float
    worthwhile: int
    precious: int
    hope: float
    ceilings: bool
    dense: float
    shrunk: float
    enlarged: float
    cleaned: float


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
        spare=0.0, worthwhile=1, precious=3, hope=1.05,
        ceilings=True, dense=math.inf, shrunk=1.05, enlarged=math.inf, cleaned=math.inf,
    ),
}  # fmt: skip


def candidates(
    policy: Policy,
    state: SearchState,
    restorers: Mapping[int, str],
    *,
    tune: Tune,
    without: Collection[str] = (),
) -> Iterator[Candidate]:
    """Yield the candidates that a policy allows, most likely winner first.

    Args:
        policy: policy of the upload.
        state: state of the search.
        restorers: content hash of the restorer by scale.
        tune: measure expected to be hardest to hold.
        without: codecs to exclude.
    """
    preset, source = EFFORT_PRESETS[policy.effort], state.source
    codecs = _codecs(policy, state, without)
    scales = sorted(restorers.keys() & set(policy.scales))
    _note_omissions(policy, state, codecs, scales)
    protected = state.kind in policy.protect
    if protected and policy.protect_with == "lossless":
        return
    cleaned = 1 in restorers and not protected and _pixels(source) <= preset.cleaned
    for codec in codecs[: preset.codecs]:
        for chroma, tuned in _ways(state, codec, tune)[: preset.ways]:
            if "recode" in policy.tiers:
                yield Candidate("recode", codec, 1, None, chroma, tuned)
                if cleaned:
                    yield Candidate("recode", codec, 1, restorers[1], chroma, tuned)
        if not protected:
            for scale in scales:
                tuned = _scored_tune(state, scale) if tune == "ssim" else tune
                yield Candidate("downscale", codec, scale, restorers[scale], "4:4:4", tuned)


def _note_omissions(
    policy: Policy, state: SearchState, codecs: list[Codec], scales: list[int]
) -> None:
    """Note what the policy leaves out of this image."""
    steps = state.steps
    if state.kind in policy.protect:
        what: What = "lossy" if policy.protect_with == "lossless" else "downscale"
        steps.omit(what, Omission.PROTECTED, state.kind)
    if not scales:
        steps.omit("downscale", Omission.NO_SCALE)
    if not codecs:
        steps.omit("lossy", Omission.NO_CODEC)
    for codec in codecs[EFFORT_PRESETS[policy.effort].codecs :]:
        steps.omit(codec, Omission.EFFORT, policy.effort)


def _pixels(source: SourceImage) -> int:
    return source.upload.width * source.upload.height


def _codecs(policy: Policy, state: SearchState, without: Collection[str]) -> list[Codec]:
    """List the codecs that can hold the image; the others are noted as left out."""
    found: list[Codec] = []
    for name in _LIKELY:
        if name not in policy.codecs:
            state.steps.omit(name, Omission.CODEC)
        elif name in state.steps.ruled_out:
            state.steps.omit(name, Omission.LOST)
        elif not _takes(name, state.source):
            state.steps.omit(name, Omission.COLOURS)
        elif name not in without:
            found.append(name)
    return found


def _takes(name: Codec, source: SourceImage) -> bool:
    upload = source.upload
    size = upload.width, upload.height
    icc, orientation = upload.icc, source.orientation
    return by_name(name).takes(upload.mode, size, icc=icc, orientation=orientation)


def _ways(state: SearchState, codec: Codec, tune: Tune) -> list[tuple[str, Tune]]:
    """Return combinations of chroma subsampling and tuning, most likely winner first."""
    thin, full = "4:2:0", "4:4:4"
    if codec in ("webp", "jxl"):
        return [(full, tune)]  # no other combination exists
    other: Tune = "psnr" if tune == "ssim" else "ssim"
    upload = state.source.upload
    if floors.is_scored(state.floor):
        return _scored_ways(state)
    if upload.mode == "L":
        return [(full, tune), (full, other)]
    if upload.subsampling == thin or (upload.format == "WEBP" and not upload.lossless):
        # Chroma that the upload has subsampled stays subsampled.
        return [(thin, tune), (thin, other), (full, "psnr"), (full, "ssim")]
    if state.kind != "photo":
        # Full chroma saves up to 40 % on drawn images.
        return [(full, tune), (full, other), (thin, "ssim"), (thin, "psnr")]
    # PSNR weighs colour like luma; SSIM ignores it.
    ways: list[tuple[str, Tune]] = [(full, "psnr"), (thin, "ssim"), (thin, "psnr"), (full, "ssim")]
    return ways if tune == "psnr" else [ways[1], ways[0], *ways[2:]]


def _scored_ways(state: SearchState) -> list[tuple[str, Tune]]:
    """Order them where SSIMULACRA2 counts, which sees colours.

    PSNR may be the measure that is hardest to hold.
    """
    thin, full = "4:2:0", "4:4:4"
    upload = state.source.upload
    first, second = (thin, full) if upload.subsampling == thin else (full, thin)
    tune = _scored_tune(state)
    if upload.mode == "L":
        return [(full, tune), (full, "psnr")]
    return [(first, tune), (second, tune), (first, "psnr"), (second, "psnr")]


def _scored_tune(state: SearchState, scale: int = 1) -> Tune:
    """Return the tune that needs the fewest bytes for a score.

    Tuned for SSIMULACRA2, AVIF of photographs of 0.6 megapixels has 12 % fewer bytes at a score of
    70 than tuned for SSIM, 8 % fewer at 80 and 6 % fewer at 90. At 256x256 pixels it still has 7 %
    fewer at 70, at 96x96 it has 11 % more.
    """
    scored = floors.is_scored(state.floor)
    large = _pixels(state.source) // scale**2 >= _LARGE_ENOUGH
    return "ssimulacra2" if scored and large else "ssim"
