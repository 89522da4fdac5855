"""What the referee tried of an image, as rows of a table."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from codec.manifest import Stored
from codec.search.state import Trial


class Row(NamedTuple):
    """One trial.

    Attributes:
        cells: Tier, codec, scale, quality, bytes, PSNR in dB, SSIM, ORB and milliseconds; a dash
            where there is nothing to say.
        verdict: Why it won or lost, with a note where there is one.
        sampled: Whether only a sample of the image was tried.
        won: Whether that is what is stored.
    """

    cells: tuple[str, ...]
    verdict: str
    sampled: bool
    won: bool


def rows(trials: Sequence[Trial], winner: Stored | None) -> Iterator[Row]:
    """Give a row for each trial.

    Args:
        trials: In the order in which they were made.
        winner: What is stored; it may also be a transcoding, which is no trial. None: nothing.
    """
    for trial in trials:
        verdict = f"{trial.verdict}: {trial.note}" if trial.note else trial.verdict
        yield Row(tuple(_cells(trial)), verdict, trial.sampled, won(trial, winner))


def won(trial: Trial, winner: Stored | None) -> bool:
    """Return whether a trial made what is stored in the end."""
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
