"""Choose the candidates that are worth trying on the whole image, by trials on a sample of it."""

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

_OUT_OF_REACH: Final = 1.25
"""A candidate whose sample has so many times the bytes of the best one's is not refined."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A candidate on the shortlist.

    Attributes:
        candidate: Who it is.
        quality: Expected to hold.
        size: Bytes expected then; 0: unknown.
        doubt: Steps of quality that the expectation may be wrong by.
        slopes: What a step of quality adds to each margin, as far as that is known.
        weight: Its bytes, as they count when it is compared with others.
    """

    candidate: Candidate
    quality: float
    size: float
    doubt: int
    slopes: Mapping[str, float]
    weight: float


def shortlist(draft: Draft, candidates: Iterator[Candidate], pains: Pains) -> list[Entry]:
    """Order who is tried on the whole image, the smallest expected rendition first.

    Args:
        draft: The sample; its contest is told of every trial.
        candidates: Who may compete, the likeliest winner first.
        pains: How much trouble to take.
    """
    entries: list[Entry] = []
    for candidate in candidates:
        smallest = min((entry.size for entry in entries), default=math.inf)
        if draft.contest.is_over or not _is_worth(draft.contest, candidate, smallest, pains):
            continue
        with losing(draft.contest, candidate, sampled=True):
            if has_memory(draft.contest, candidate) and draft.may_hold(candidate):
                entry = _estimate(draft, candidate, pains, smallest)
                entries += [entry] if entry else []
    # Of an image that is too small for a sample no size is expected, and the order stays.
    return sorted(entries, key=lambda entry: entry.weight)


def _is_worth(contest: Contest, candidate: Candidate, smallest: float, pains: Pains) -> bool:
    """Return whether shrinking may be worth what it costs to restore.

    Where full size takes many bits it wins: networks gain on codecs below about 0.25 bits per pixel
    (docs/restorers.md).
    """
    if candidate.scale == 1 or smallest == math.inf:
        return True
    upload = contest.subject.upload
    pixels = upload.width * upload.height
    return pixels <= pains.enlarged and 8 * smallest <= pains.dense * pixels


def _estimate(draft: Draft, candidate: Candidate, pains: Pains, smallest: float) -> Entry | None:
    """Expect a quality and a size of a candidate; None: there is no hope that it holds."""
    quality = draft.guess(candidate)
    if draft.sample.share == 1:
        # The image is so small that a sample would be the image.
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
