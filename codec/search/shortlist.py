"""Choose candidates for the whole image, by trials on a sample."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from codec.measures import floors
from codec.search.bracket import HIGHEST, LOWEST, QualityBracket, expected_bytes
from codec.search.candidates import EffortPreset
from codec.search.failures import has_memory, recording_failure
from codec.search.omissions import Omission
from codec.search.sample_trials import SampleTrials
from codec.search.state import Candidate, SearchState

_OUT_OF_REACH: Final = 1.25
"""Size relative to the best, on the sample, beyond which a candidate is not refined."""


@dataclass(frozen=True, slots=True)
class Finalist:
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


def shortlist(
    sample_trials: SampleTrials, candidates: Iterator[Candidate], preset: EffortPreset
) -> list[Finalist]:
    """Return candidates for the whole image, smallest expected rendition first.

    Args:
        sample_trials: sample; its contest records every trial.
        candidates: candidates, most likely winner first.
        preset: parameters of the search.
    """
    finalists: list[Finalist] = []
    for candidate in candidates:
        smallest = min((finalist.size for finalist in finalists), default=math.inf)
        if sample_trials.state.is_over:
            sample_trials.state.steps.omit(candidate.tier, Omission.NO_WORK)
            continue
        if not _is_worth(sample_trials.state, candidate, smallest, preset):
            sample_trials.state.steps.omit(candidate.tier, Omission.NOT_WORTH)
            continue
        with recording_failure(sample_trials.state, candidate, sampled=True):
            if has_memory(sample_trials.state, candidate) and sample_trials.may_hold(candidate):
                finalist = _estimate(sample_trials, candidate, preset, smallest)
                finalists += [finalist] if finalist else []
    # Images too small for a sample have no expected size; their order is kept.
    return sorted(finalists, key=lambda finalist: finalist.weight)


def _is_worth(
    state: SearchState, candidate: Candidate, smallest: float, preset: EffortPreset
) -> bool:
    """Return whether downscaling may be worth the cost of restoring.

    At many bits per pixel, full size wins: networks beat codecs below about 0.25 bits per pixel
    (docs/restorers.md).
    """
    if candidate.scale == 1 or smallest == math.inf:
        return True
    upload = state.source.upload
    pixels = upload.width * upload.height
    return pixels <= preset.enlarged and 8 * smallest <= preset.dense * pixels


def _estimate(
    sample_trials: SampleTrials, candidate: Candidate, preset: EffortPreset, smallest: float
) -> Finalist | None:
    """Return the expected quality and size of a candidate; None if it cannot hold."""
    quality = sample_trials.guess(candidate)
    if sample_trials.sample.share == 1:
        # The image is so small that it is its own sample.
        return Finalist(candidate, quality, 0, 16, {}, 0)
    search = QualityBracket()
    for _ in range(preset.samples):
        trial = sample_trials.attempt(candidate, quality, speed=preset.speed)
        sample_trials.state.trials.append(trial)
        margins = floors.margins(sample_trials.state.floor, trial.reading)
        search.note(trial.quality, trial.verdict, margins)
        expected = search.target() or quality
        size = expected_bytes(trial.size, trial.quality, max(expected, LOWEST))
        if expected > HIGHEST + 8 or size > _OUT_OF_REACH * smallest:
            return None
        following = search.next()
        if following is None or abs(following - quality) <= 2 or sample_trials.state.is_over:
            break
        quality = following
    weight = size * (preset.shrunk if candidate.scale > 1 else 1)
    wanted = min(HIGHEST, max(LOWEST, expected))
    return Finalist(candidate, wanted, size, 4, search.slopes(), weight)
