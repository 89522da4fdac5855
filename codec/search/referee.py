"""Find the smallest rendition of an image that holds its policy's floor.

Candidates are first tried on a sample; the most promising ones compete on the whole image, each at
the lowest quality that holds. The best so far bounds what is still tried.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from codec.image import content_kind
from codec.measures import floors
from codec.restore.restore import Upscalers
from codec.search import trials
from codec.search.bracket import HIGHEST, LOWEST, Search, qualities_between
from codec.search.candidates import PAINS, Pains, candidates
from codec.search.contest import Contest, Subject, Trial
from codec.search.draft import Draft
from codec.search.effort import Work
from codec.search.failures import losing
from codec.search.shortlist import Entry, shortlist
from codec.search.steps import Steps
from codec.search.verdicts import Verdict
from config import Policy

__all__ = ["PAINS", "candidates", "compete"]

_RESCUES: Final = 5
"""Extra trials for a candidate that has not held yet: without one, its trials were in vain."""

_AFTER_A_FAILURE: Final = 0.5
"""Steps of quality to add after an unexpected failure, times the square of the number of such
failures: key points recover in unpredictable jumps."""

_LOST: Final = 0.15
"""Deficit of key points that no quality of a downscaled candidate makes up for."""

_SMALL: Final = 1_000_000
"""Pixels up to which a further trial takes a fraction of a second."""

_LARGE: Final = 32_000_000
"""Pixels above which AVIF is encoded fast: half the time and less memory for 3 % more bytes."""

_LARGE_SPEED: Final = 9

_MISFITS: Final = 2
"""Number of candidates whose served file exceeds the size of the upload even at the floor, after
which the search gives up: the size hardly depends on the candidate."""


def compete(
    subject: Subject,
    policy: Policy,
    *,
    restorers: Mapping[int, str],
    upscalers: Upscalers,
    work: Work,
    steps: Steps | None = None,
) -> Contest:
    """Run the search.

    Args:
        subject: image.
        policy: policy of the upload.
        restorers: content hash of the restorer by scale; 1: artefact removal at full size.
        upscalers: source of restorers.
        work: limit of work; no trial starts beyond its share.
        steps: allowed steps; None: all.

    Returns:
        The finished contest; its ``best`` is None if nothing small enough holds the floor.
    """
    kind = content_kind.kind(subject.pixels)
    floor = floors.applied(policy.floor, subject.pixels)
    contest = Contest(subject, floor, upscalers, work, kind, steps or Steps())
    pains = _affordable(PAINS[policy.effort], subject)
    draft = Draft.of(contest)
    without = contest.steps.ruled_out
    while True:
        listed = candidates(policy, contest, restorers, tune=draft.tune, without=without)
        _run(draft, shortlist(draft, listed, pains), pains)
        failed = contest.failed_codecs - without
        if contest.best or not failed or contest.is_over:
            return contest
        without |= failed  # retry without codecs that failed


def _affordable(pains: Pains, subject: Subject) -> Pains:
    """Return parameters adapted to the size: more effort for small images, less for large ones."""
    height, width = subject.pixels.shape[:2]
    if height * width > _LARGE:
        return replace(pains, speed=max(pains.speed, _LARGE_SPEED))
    if height * width > _SMALL:
        return pains
    least = min(pains.precious, 2)
    return replace(
        pains, trials=pains.trials + 2, worthwhile=min(pains.worthwhile, 2), precious=least
    )


def _run(draft: Draft, entries: list[Entry], pains: Pains) -> None:
    """Try the shortlist on the whole image."""
    contest = draft.contest
    tried = misfits = 0
    ratio = 1.0  # actual to expected size
    for entry in entries:
        best = len(contest.best.rendition) if contest.best else math.inf
        if (tried >= pains.finalists and contest.best) or tried > pains.finalists + 1:
            return
        if entry.weight * ratio > pains.hope * best:
            continue
        with losing(contest, entry.candidate, sampled=False):
            if pains.ceilings and not draft.may_hold_whole(entry.candidate):
                continue
            tried += entry.size > 0
            _search(contest, entry, pains)
        misfits += contest.best is None and contest.trials[-1].verdict is Verdict.DOES_NOT_FIT
        if misfits >= _MISFITS:
            return
        if contest.best and entry.size and len(contest.best.rendition) < best:
            ratio = len(contest.best.rendition) / entry.size


def _search(contest: Contest, entry: Entry, pains: Pains) -> None:
    """Search for the lowest quality of a candidate that holds, starting at the expected one."""
    search = Search(usual=entry.slopes)
    failures, sizes = 0, dict[int, int]()
    quality: int | None = round(entry.quality + pains.spare)
    for count in range(1, pains.trials + _RESCUES + 1):
        if quality is None or contest.is_over:
            return
        quality = min(HIGHEST, max(LOWEST, quality))
        trial = trials.attempt(contest, entry.candidate, quality, pains.speed)
        contest.trials.append(trial)
        sizes[trial.quality] = trial.size
        search.note(trial.quality, trial.verdict, floors.margins(contest.floor, trial.reading))
        failures += trial.verdict is Verdict.BELOW_FLOOR
        quality = _following(contest, entry, search, trial, _AFTER_A_FAILURE * failures**2)
        held = search.high <= HIGHEST and trial.verdict is not Verdict.TOO_BIG
        least = pains.precious if count >= pains.trials else pains.worthwhile
        if held and quality is not None and (search.high - quality) * _steepness(sizes) < least:
            return


def _steepness(sizes: dict[int, int]) -> float:
    """Return the value of one step at the highest qualities tried, in prior steps, at least 1."""
    if len(sizes) < 2:
        return 1.0
    below, above = sorted(sizes)[-2:]
    return max(1.0, qualities_between(sizes[below], sizes[above]) / (above - below))


def _is_lost(contest: Contest, trial: Trial) -> bool:
    """Return whether a scale has lost too many key points for any quality to hold."""
    margin = floors.margins(contest.floor, trial.reading).get("orb", 0.0)
    return trial.candidate.scale > 1 and margin < -_LOST


def _following(
    contest: Contest, entry: Entry, search: Search, trial: Trial, spare: float
) -> int | None:
    """Return the quality after a trial, or None if none is worth trying."""
    if trial.verdict is Verdict.CANNOT_READ or _is_lost(contest, trial):
        return None
    if trial.verdict is Verdict.TOO_BIG:
        if contest.max_stored <= 0:
            return None
        excess = qualities_between(contest.max_stored, trial.size)
        wished = trial.quality - max(1, math.ceil(excess))
        # Skip qualities that are known to fail, or far below the expectation.
        return wished if wished > max(search.low, entry.quality - entry.doubt) else None
    return search.next(spare=spare)
