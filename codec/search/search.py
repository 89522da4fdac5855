"""Find the smallest rendition of an image that holds its policy's floor.

Candidates are first tried on a sample; the most promising ones compete on the whole image, each at
the lowest quality that holds. The best so far bounds what is still tried.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Final

from slimgate.codec.encoders import coding
from slimgate.codec.image import content_kind
from slimgate.codec.measures import floors, ssimulacra2
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.restore.restore import Upscalers
from slimgate.codec.search import guards, trials
from slimgate.codec.search.allowed_steps import AllowedSteps
from slimgate.codec.search.bracket import (
    HIGHEST,
    LOWEST,
    QualityBracket,
    expected_bytes,
    qualities_between,
)
from slimgate.codec.search.candidates import candidates
from slimgate.codec.search.effort import Work
from slimgate.codec.search.failures import recording_failure
from slimgate.codec.search.presets import EFFORT_PRESETS, EffortPreset, preset_of
from slimgate.codec.search.sample_trials import SampleTrials
from slimgate.codec.search.shortlist import Finalist, shortlist
from slimgate.codec.search.state import SearchState, SourceImage, Trial
from slimgate.codec.search.verdicts import Verdict
from slimgate.config import Policy
from slimgate.config.policy import Effort

__all__ = ["EFFORT_PRESETS", "candidates", "find_rendition"]

_STAGES: Final[dict[Effort, tuple[Effort, ...]]] = {
    "fast": ("fast",),
    "balanced": ("balanced",),
    "best": ("balanced", "best"),
}
"""Efforts to search with, one after another: ``best`` never stores more than ``balanced``."""

_RESCUES: Final = 5
"""Extra trials for a candidate that has not held yet: without one, its trials were in vain."""

_AFTER_A_FAILURE: Final = 0.5
"""Steps of quality to add after an unexpected failure, times the square of the number of such
failures: key points recover in unpredictable jumps."""

_AFTER_A_SCORE: Final = 0.2
"""The same where SSIMULACRA2 leads, which grows evenly."""

_LOST: Final = 0.15
"""Deficit of key points that no quality of a downscaled candidate makes up for."""

_SMALL: Final = 1_000_000
"""Pixels up to which a further trial takes a fraction of a second."""

_LARGE_SPEED: Final = 9
"""Speed for images that are large for an effort."""

_LARGE_PRECIOUS: Final = 3.0
"""Minimum expected saving of their trials beyond the number, steps of quality."""

_STEADY: Final = 4.0
"""Weight of the usual slope beside theirs, steps: two trials at neighbouring qualities tell little,
and each further one takes a second."""

_MISFIT: Final = 4
"""Steps below a quality whose served file exceeds the size of the upload that are worth a trial:
the size hardly depends on the quality."""

_BEATEN: Final = 1.1
"""Size that a candidate below the floor is expected to need, relative to another finalist, beyond
which that one is tried instead."""

_MISFITS: Final = 2
"""Number of candidates whose served file exceeds the size of the upload even at the floor, after
which the search gives up: the size hardly depends on the candidate."""


def find_rendition(
    source: SourceImage,
    policy: Policy,
    *,
    restorers: Mapping[int, str],
    upscalers: Upscalers,
    work: Work,
    steps: AllowedSteps | None = None,
) -> SearchState:
    """Run the search.

    Args:
        source: image.
        policy: policy of the upload.
        restorers: content hash of the restorer by scale; 1: artefact removal at full size.
        upscalers: source of restorers.
        work: limit of work; no trial starts beyond its share.
        steps: allowed steps; None: all.

    Returns:
        The finished contest; its ``best`` is None if nothing small enough holds the floor.

    Raises:
        Refused: the image is a drawing with a palette, whose indices nothing restores as small.
    """
    kind = content_kind.kind(source.pixels)
    if source.upload.palette and kind != "photo":
        raise Refused(Reason.UNSUPPORTED, f"palette of a {kind}")
    state = SearchState(source, policy.floor, upscalers, work, kind, steps or AllowedSteps())
    if floors.is_scored(policy.floor) and min(source.pixels.shape[:2]) >= ssimulacra2.SMALLEST:
        state.original.reference.prepare()
    state.floor, state.guard = guards.applied(policy, state.original, kind)
    sample_trials = SampleTrials.of(state)
    for effort in _STAGES[policy.effort]:
        # Where ceilings are measured, what lies below them is not tried at any stage.
        ceilings = preset_of(policy.effort, policy.floor).ceilings
        preset = replace(preset_of(effort, policy.floor), ceilings=ceilings)
        stage = policy.model_copy(update={"effort": effort})
        _search_stage(sample_trials, stage, restorers, _affordable(preset, source))
    return state


def _search_stage(
    sample_trials: SampleTrials,
    policy: Policy,
    restorers: Mapping[int, str],
    preset: EffortPreset,
) -> None:
    """Try the candidates of one effort; they have to be smaller than the best so far."""
    state = sample_trials.state
    without = state.steps.ruled_out
    while True:
        listed = candidates(policy, state, restorers, tune=sample_trials.tune, without=without)
        _run(sample_trials, shortlist(sample_trials, listed, preset), preset)
        failed = state.failed_codecs - without
        if state.best or not failed or state.is_over:
            return
        without |= failed  # retry without codecs that failed


def _affordable(preset: EffortPreset, source: SourceImage) -> EffortPreset:
    """Return parameters adapted to the size: more effort for small images, less for large ones."""
    height, width = source.pixels.shape[:2]
    if height * width > preset.large:
        precious = max(preset.precious, _LARGE_PRECIOUS)
        return replace(preset, speed=max(preset.speed, _LARGE_SPEED), precious=precious)
    if height * width > _SMALL:
        return preset
    return replace(
        preset,
        trials=preset.trials + 2,
        worthwhile=min(preset.worthwhile, 1),
        precious=min(preset.precious, 1),
    )


def _run(sample_trials: SampleTrials, finalists: list[Finalist], preset: EffortPreset) -> None:
    """Try the shortlist on the whole image."""
    state = sample_trials.state
    tried = misfits = 0
    surrendered = list[Finalist]()
    ratios: dict[int, float] = {}  # actual to expected size by scale
    # What gave way to a rival is tried again if nothing held.
    for number, finalist in enumerate(chain(finalists, surrendered)):
        best = len(state.best.rendition) if state.best else math.inf
        if (tried >= preset.finalists and state.best) or tried > preset.finalists + 1:
            return
        if finalist.weight * _ratio(ratios, finalist) > preset.hope * best:
            continue
        with recording_failure(state, finalist.candidate, sampled=False):
            if preset.ceilings and not sample_trials.may_hold_whole(finalist.candidate):
                continue
            tried += finalist.size > 0
            # A sample has no HDR picture: whatever it predicts, rivals need more, too.
            unsure = surrendered or not preset.predicts or state.source.hdr is not None
            rivals = [] if unsure else finalists[number + 1 :]
            if _search_quality(state, finalist, preset, rivals):
                surrendered.append(finalist)
        last = state.trials[-1].verdict if state.trials else None
        misfits += state.best is None and last is Verdict.DOES_NOT_FIT
        if misfits >= _MISFITS:
            return
        if state.best and finalist.size and len(state.best.rendition) < best:
            ratios[finalist.candidate.scale] = len(state.best.rendition) / finalist.size


def _ratio(ratios: Mapping[int, float], finalist: Finalist) -> float:
    """Return the actual size per expected byte, as far as other finalists have shown it.

    What makes one scale larger than the sample predicts says nothing of another: networks may miss
    what the sample does not show.
    """
    known = ratios.get(finalist.candidate.scale)
    return min((1.0, *ratios.values())) if known is None else known


def _search_quality(
    state: SearchState, finalist: Finalist, preset: EffortPreset, rivals: list[Finalist]
) -> bool:
    """Search for the lowest quality of a candidate that holds, starting at the expected one.

    Returns:
        Whether it surrendered, as a rival is expected to be smaller.
    """
    codec = finalist.candidate.codec
    area = state.source.pixels.shape[0] * state.source.pixels.shape[1]
    steady = _STEADY if area > preset.large else 0.0
    bracket = QualityBracket(
        usual=finalist.slopes, steady=steady, alike=partial(coding.alike, codec)
    )
    failures, held, sizes = 0, False, dict[int, int]()
    spare = _AFTER_A_SCORE if floors.is_scored(state.floor) else _AFTER_A_FAILURE
    quality: int | None = round(finalist.quality + preset.spare)
    for count in range(1, preset.trials + _RESCUES + 1):
        if quality is None or state.is_over:
            return False
        quality = min(HIGHEST, max(LOWEST, quality))
        trial = trials.attempt(state, finalist.candidate, quality, preset.speed)
        state.trials.append(trial)
        sizes[trial.quality] = trial.size
        bracket.note(trial.quality, trial.verdict, floors.margins(state.floor, trial.reading))
        failures += trial.verdict is Verdict.BELOW_FLOOR
        if state.best is None and _surrenders(finalist, trial, bracket.target(), rivals):
            return True
        quality = _following(state, finalist, bracket, trial, spare * failures**2)
        held = held or trial.verdict is Verdict.HOLDS
        bounded = bracket.high <= HIGHEST and trial.verdict is not Verdict.TOO_BIG
        least = preset.precious if count >= preset.trials else preset.worthwhile
        least = least if held else max(least, _MISFIT)
        if bounded and quality is not None and bracket.saving(sizes, quality) < least:
            return False
    return False


def _surrenders(
    finalist: Finalist, trial: Trial, target: float | None, rivals: list[Finalist]
) -> bool:
    """Return whether a failed trial shows that a rival needs fewer bytes.

    The sample's errors in size are those of both.
    """
    if trial.verdict is not Verdict.BELOW_FLOOR or target is None or not finalist.size:
        return False
    ratio = trial.size / expected_bytes(
        round(finalist.size), round(finalist.quality), trial.quality
    )
    rival = min((each.size for each in rivals), default=math.inf)
    return expected_bytes(trial.size, trial.quality, target) > _BEATEN * ratio * rival


def _is_lost(state: SearchState, trial: Trial) -> bool:
    """Return whether a scale has lost too many key points for any quality to hold."""
    margin = floors.margins(state.floor, trial.reading).get("orb", 0.0)
    return trial.candidate.scale > 1 and margin < -_LOST


def _is_beyond_reach(bracket: QualityBracket, trial: Trial) -> bool:
    """Return whether a score is not expected to hold at any quality."""
    if trial.reading.ssimulacra2 is None:
        return False
    target = bracket.target() if trial.candidate.scale > 1 else None
    return bracket.is_stuck or (target is not None and target > HIGHEST)


def _following(
    state: SearchState, finalist: Finalist, bracket: QualityBracket, trial: Trial, spare: float
) -> int | None:
    """Return the quality after a trial, or None if none is worth trying."""
    if trial.verdict is Verdict.CANNOT_READ or _is_lost(state, trial):
        return None
    if trial.verdict is Verdict.BELOW_FLOOR and _is_beyond_reach(bracket, trial):
        return None
    if trial.verdict is Verdict.TOO_BIG:
        if state.max_stored <= 0:
            return None
        excess = qualities_between(state.max_stored, trial.size)
        wished = trial.quality - max(1, math.ceil(excess))
        # Skip qualities that are known to fail, or far below the expectation.
        return wished if wished > max(bracket.low, finalist.quality - finalist.doubt) else None
    return bracket.next(spare=spare)
