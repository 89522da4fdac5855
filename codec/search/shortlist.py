"""Choose candidates for the whole image, by trials on a sample."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from codec.measures import floors
from codec.search.bracket import HIGHEST, LOWEST, Search, expected_bytes
from codec.search.candidates import Pains
from codec.search.contest import Candidate, Contest
from codec.search.draft import Draft
from codec.search.failures import has_memory, losing
from codec.search.omissions import Omission

_OUT_OF_REACH: Final = 1.25
"""Size relative to the best, on the sample, beyond which a candidate is not refined."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A candidate on the shortlist.

    Attributes:
        candidate: candidate.
        quality: expected quality that holds.
        size: expected size, bytes; 0: unknown.
        doubt: uncertainty of the expected quality, steps.
        slopes: gain of each margin per step of quality, as far as known.
        weight: size as compared with other candidates, bytes.
    """

    candidate: Candidate
    quality: float
    size: float
    doubt: int
    slopes: Mapping[str, float]
    weight: float


def shortlist(draft: Draft, candidates: Iterator[Candidate], pains: Pains) -> list[Entry]:
    """Return candidates for the whole image, smallest expected rendition first.

    Args:
        draft: sample; its contest records every trial.
        candidates: candidates, most likely winner first.
        pains: parameters of the search.
    """
    entries: list[Entry] = []
    for candidate in candidates:
        smallest = min((entry.size for entry in entries), default=math.inf)
        if draft.contest.is_over:
            draft.contest.steps.omit(candidate.tier, Omission.NO_WORK)
            continue
        if not _is_worth(draft.contest, candidate, smallest, pains):
            draft.contest.steps.omit(candidate.tier, Omission.NOT_WORTH)
            continue
        with losing(draft.contest, candidate, sampled=True):
            if has_memory(draft.contest, candidate) and draft.may_hold(candidate):
                entry = _estimate(draft, candidate, pains, smallest)
                entries += [entry] if entry else []
    # Images too small for a sample have no expected size; their order is kept.
    return sorted(entries, key=lambda entry: entry.weight)


def _is_worth(contest: Contest, candidate: Candidate, smallest: float, pains: Pains) -> bool:
    """Return whether downscaling may be worth the cost of restoring.

    At many bits per pixel, full size wins: networks beat codecs below about 0.25 bits per pixel
    (docs/restorers.md).
    """
    if candidate.scale == 1 or smallest == math.inf:
        return True
    upload = contest.subject.upload
    pixels = upload.width * upload.height
    return pixels <= pains.enlarged and 8 * smallest <= pains.dense * pixels


def _estimate(draft: Draft, candidate: Candidate, pains: Pains, smallest: float) -> Entry | None:
    """Return the expected quality and size of a candidate; None if it cannot hold."""
    quality = draft.guess(candidate)
    if draft.sample.share == 1:
        # The image is so small that it is its own sample.
        return Entry(candidate, quality, 0, 16, {}, 0)
    search = Search()
    for _ in range(pains.samples):
        trial = draft.attempt(candidate, quality, speed=pains.speed)
        draft.contest.trials.append(trial)
        margins = floors.margins(draft.contest.floor, trial.reading)
        search.note(trial.quality, trial.verdict, margins)
        expected = search.target() or quality
        size = expected_bytes(trial.size, trial.quality, max(expected, LOWEST))
        if expected > HIGHEST + 8 or size > _OUT_OF_REACH * smallest:
            return None
        following = search.next()
        if following is None or abs(following - quality) <= 2 or draft.contest.is_over:
            break
        quality = following
    weight = size * (pains.shrunk if candidate.scale > 1 else 1)
    wanted = min(HIGHEST, max(LOWEST, expected))
    return Entry(candidate, wanted, size, 4, search.slopes(), weight)
