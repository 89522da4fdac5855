"""Trials of a search, as rows of a table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from codec.manifest import Stored
from codec.search.state import Trial


class Row(NamedTuple):
    """One trial.

    Attributes:
        cells: Tier, codec, scale, quality, bytes, PSNR in dB, SSIM, ORB and milliseconds; a dash if
            absent.
        verdict: Verdict, with a note if there is one.
        sampled: Whether only a sample of the image was tried.
        won: Whether this trial is stored.
    """

    cells: tuple[str, ...]
    verdict: str
    sampled: bool
    won: bool


def rows(trials: Sequence[Trial], winner: Stored | None) -> Iterator[Row]:
    """Yield a row per trial.

    Args:
        trials: Trials in order.
        winner: What is stored; may be a transcoding, which is not a trial. None: nothing.
    """
    for trial in trials:
        verdict = f"{trial.verdict}: {trial.note}" if trial.note else trial.verdict
        yield Row(tuple(_cells(trial)), verdict, trial.sampled, won(trial, winner))


def won(trial: Trial, winner: Stored | None) -> bool:
    """Return whether a trial is what is stored."""
    if winner is None or trial.verdict != "holds" or trial.sampled:
        return False
    return _name(trial) == (winner.tier, winner.codec, winner.scale, winner.quality)


def _name(trial: Trial) -> tuple[str, str, int, int]:
    return trial.candidate.tier, trial.candidate.codec, trial.candidate.scale, trial.quality


def _cells(trial: Trial) -> Iterator[str]:
    tier, codec, scale, quality = _name(trial)
    yield from (tier, codec, f"x{scale}")
    yield str(quality) if quality >= 0 else "-"
    yield f"{trial.size:,}" if trial.size else "-"
    measures = (trial.reading.psnr_db, trial.reading.ssim, trial.reading.orb)
    for value, form in zip(measures, (".2f", ".4f", ".3f"), strict=True):
        yield "-" if value is None else format(value, form)
    yield f"{1e3 * trial.seconds:.0f}"
