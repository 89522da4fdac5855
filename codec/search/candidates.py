"""List the candidates that a policy allows."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from slimgate.codec.encoders import Tune, by_name
from slimgate.codec.measures import floors
from slimgate.codec.search.omissions import Omission, What
from slimgate.codec.search.presets import EffortPreset, preset_of
from slimgate.codec.search.state import Candidate, SearchState, SourceImage
from slimgate.config import Policy
from slimgate.config.policy import Codec

_LIKELY: Final[tuple[Codec, ...]] = ("avif", "jxl", "webp", "jpeg")
"""Codecs, most likely winner first."""


_LARGE_ENOUGH: Final = 40_000
"""Smallest rendition that is tuned for SSIMULACRA2, pixels."""


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
    preset, source = preset_of(policy.effort, policy.floor), state.source
    codecs = _codecs(policy, state, without)
    scales = sorted(restorers.keys() & set(policy.scales))
    _note_omissions(policy, state, codecs, scales)
    if "recode" in policy.tiers:  # otherwise nothing else competes
        scales = _affordable(scales, state, preset)
    protected = state.kind in policy.protect
    if protected and policy.protect_with == "lossless":
        return
    cleaned = 1 in restorers and not protected and _pixels(source) <= preset.cleaned
    for codec in codecs[: preset.codecs]:
        ways = [
            Candidate("recode", codec, 1, restorer, chroma, tuned)
            for chroma, tuned in _ways(state, codec, tune)[: preset.ways]
            if "recode" in policy.tiers
            for restorer in ([None, restorers[1]] if cleaned else [None])
        ]
        # The first way predicts what a scale needs, and that tells whether others matter.
        first = 1 if preset.predicts else len(ways)
        yield from ways[:first]
        if not protected:
            for scale in scales:
                tuned = _scored_tune(state, scale) if tune == "ssim" else tune
                yield Candidate("downscale", codec, scale, restorers[scale], "4:4:4", tuned)
        yield from ways[first:]


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
    for codec in codecs[preset_of(policy.effort, policy.floor).codecs :]:
        steps.omit(codec, Omission.EFFORT, policy.effort)


def _affordable(scales: list[int], state: SearchState, preset: EffortPreset) -> list[int]:
    """Return the scales whose restorers the effort can afford; that there are none is noted."""
    costs, budget = state.steps.engine, preset.restoring
    found = [scale for scale in scales if costs.trial_s(scale) <= budget]
    if scales and not found:
        cheapest = min(scales, key=costs.trial_s)
        state.steps.omit("downscale", Omission.ENGINE, costs.told(cheapest, budget))
    return found


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
    icc, orientation = source.icc, source.orientation
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
