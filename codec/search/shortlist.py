"""Choose candidates for the whole image, by trials on a sample."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from slimgate.codec.measures import floors
from slimgate.codec.search import scale_model
from slimgate.codec.search.bracket import HIGHEST, LOWEST, QualityBracket, expected_bytes
from slimgate.codec.search.failures import has_memory, recording_failure
from slimgate.codec.search.omissions import Omission
from slimgate.codec.search.presets import EffortPreset
from slimgate.codec.search.sample_trials import SampleTrials
from slimgate.codec.search.state import Candidate, SearchState

_OUT_OF_REACH: Final = 1.25
"""Size relative to the best, on the sample, beyond which a candidate is not refined."""

_HOPELESS: Final = 1.6
"""The same of a downscaled candidate, predicted from full size: the prediction has a standard
deviation of 20 %."""

_STEEP: Final = 90
"""Quality beyond which downscaled candidates are not tried: files grow steeply there, and samples
predict poorly whether they hold."""

_STRAY: Final = 1.15
"""Size of full size relative to the best beyond which its other ways cannot win: they need at least
0.9 of the bytes of the first."""

_LARGER: Final = 1.05
"""Size of a scale relative to the best beyond which larger ones cannot win: size has one minimum
over the scales."""

_FEWER_COLOURS: Final = 4
"""Steps of quality that subsampled chroma needs beyond full chroma for the same score: mean of nine
photographs at 55 and 70."""


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
    beaten: set[str] = set()  # codecs one of whose scales has lost: larger ones lose, too
    state = sample_trials.state
    for candidate in candidates:
        smallest = min((finalist.size for finalist in finalists), default=math.inf)
        if state.is_over:
            state.steps.omit(candidate.tier, Omission.NO_WORK)
            continue
        if not _is_worth(state, candidate, smallest, preset):
            state.steps.omit(candidate.tier, Omission.NOT_WORTH)
            continue
        shrinks = preset.predicts and candidate.scale > 1
        if shrinks and candidate.codec in beaten:
            continue
        if preset.predicts and not shrinks and not _may_win(candidate, finalists):
            continue
        finalist = None
        with recording_failure(state, candidate, sampled=True):
            if has_memory(state, candidate) and sample_trials.may_hold(candidate):
                finalist = _estimate(sample_trials, candidate, preset, finalists)
                finalists += [finalist] if finalist else []
        if shrinks and (finalist is None or finalist.size > _LARGER * smallest):
            beaten.add(candidate.codec)
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


def _may_win(candidate: Candidate, finalists: list[Finalist]) -> bool:
    """Return whether another way at full size may win, by what the first one needs."""
    full = _full(candidate, finalists)
    smallest = min((finalist.size for finalist in finalists), default=math.inf)
    return full is None or full.size <= _STRAY * smallest


def _first_quality(
    sample_trials: SampleTrials, candidate: Candidate, finalists: list[Finalist]
) -> int | None:
    """Return the first quality to try on the sample; None if the candidate is hopeless.

    Where SSIMULACRA2 leads, what is known of full size tells more than statistics do.
    """
    full = _full(candidate, finalists)
    demanded = sample_trials.state.floor.ssimulacra2
    if full is None or demanded is None:
        return sample_trials.guess(candidate)
    if candidate.scale == 1:
        coarser = (candidate.subsampling == "4:2:0") - (full.candidate.subsampling == "4:2:0")
        return _within(full.quality + _FEWER_COLOURS * coarser)
    needs = scale_model.predicted(
        full.quality, demanded, sample_trials.ceiling_score(candidate), candidate.scale
    )
    smallest = min(finalist.size for finalist in finalists)
    if needs is None or needs.size * full.size > _HOPELESS * smallest:
        return None
    return _within(needs.quality)


def _full(candidate: Candidate, finalists: list[Finalist]) -> Finalist | None:
    """Return the first finalist of the same codec, alone at full size, with a known size."""
    for finalist in finalists:
        other = finalist.candidate
        alone = other.scale == 1 and other.restorer is None and finalist.size > 0
        if alone and other.codec == candidate.codec:
            return finalist
    return None


def _within(quality: float) -> int:
    return round(min(HIGHEST, max(LOWEST, quality)))


def _estimate(
    sample_trials: SampleTrials,
    candidate: Candidate,
    preset: EffortPreset,
    finalists: list[Finalist],
) -> Finalist | None:
    """Return the expected quality and size of a candidate; None if it cannot hold, or win."""
    quality: int | None = (
        _first_quality(sample_trials, candidate, finalists)
        if preset.predicts
        else sample_trials.guess(candidate)
    )
    if quality is None:
        sample_trials.state.steps.omit(candidate.tier, Omission.UNPROMISING)
        return None
    if sample_trials.sample.share == 1:
        # The image is so small that it is its own sample.
        return Finalist(candidate, quality, 0, 16, {}, 0)
    smallest = min((finalist.size for finalist in finalists), default=math.inf)
    search = QualityBracket()
    for _ in range(preset.samples):
        trial = sample_trials.attempt(candidate, quality, speed=preset.speed)
        sample_trials.state.trials.append(trial)
        margins = floors.margins(sample_trials.state.floor, trial.reading)
        search.note(trial.quality, trial.verdict, margins)
        expected = search.target() or quality
        size = expected_bytes(trial.size, trial.quality, max(expected, LOWEST))
        if (
            expected > (_STEEP if candidate.scale > 1 else HIGHEST + 8)
            or size > _OUT_OF_REACH * smallest
            or search.is_stuck
        ):
            return None
        following = search.next()
        if (
            following is None
            or abs(following - quality) <= preset.near
            or sample_trials.state.is_over
        ):
            break
        quality = following
    weight = size * preset.shrunk ** (candidate.scale - 1)
    wanted = min(HIGHEST, max(LOWEST, expected))
    return Finalist(candidate, wanted, size, 4, search.slopes(), weight)
