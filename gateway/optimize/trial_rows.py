"""Trials of a search, as rows of a table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from slimgate.codec.manifest import Stored
from slimgate.codec.search.state import Trial


class Row(NamedTuple):
    """One trial.

    Attributes:
        cells: Values of :func:`columns`; a dash if absent.
        verdict: Verdict, with a note if there is one.
        sampled: Whether only a sample of the image was tried.
        won: Whether this trial is stored.
    """

    cells: tuple[str, ...]
    verdict: str
    sampled: bool
    won: bool


_FORMS: Final = {"psnr_db": ".2f", "ssim": ".4f", "orb": ".3f"}
_SCORES: Final = {"ssimulacra2": ".2f", "ssimulacra2_worst": ".2f"}


def columns(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Name the cells of a row; SSIMULACRA2 only where a trial was measured by it."""
    scores = ("SSIMULACRA2", "worst region") if _are_scored(trials) else ()
    return ("tier", "codec", "scale", "quality", "bytes", "PSNR", "SSIM", "ORB", *scores, "ms")


def rows(trials: Sequence[Trial], winner: Stored | None) -> Iterator[Row]:
    """Yield a row per trial.

    Args:
        trials: Trials in order.
        winner: What is stored; may be a transcoding, which is not a trial. None: nothing.
    """
    forms = {**_FORMS, **(_SCORES if _are_scored(trials) else {})}
    for trial in trials:
        verdict = f"{trial.verdict}: {trial.note}" if trial.note else trial.verdict
        yield Row(tuple(_cells(trial, forms)), verdict, trial.sampled, won(trial, winner))


def won(trial: Trial, winner: Stored | None) -> bool:
    """Return whether a trial is what is stored."""
    if winner is None or trial.verdict != "holds" or trial.sampled:
        return False
    return _name(trial) == (winner.tier, winner.codec, winner.scale, winner.quality)


def _name(trial: Trial) -> tuple[str, str, int, int]:
    return trial.candidate.tier, trial.candidate.codec, trial.candidate.scale, trial.quality


def _are_scored(trials: Sequence[Trial]) -> bool:
    return any(trial.reading.ssimulacra2 is not None for trial in trials)


def _cells(trial: Trial, forms: Mapping[str, str]) -> Iterator[str]:
    tier, codec, scale, quality = _name(trial)
    yield from (tier, codec, f"x{scale}")
    yield str(quality) if quality >= 0 else "-"
    yield f"{trial.size:,}" if trial.size else "-"
    for name, form in forms.items():
        value = getattr(trial.reading, name)
        yield "-" if value is None else format(value, form)
    yield f"{1e3 * trial.seconds:.0f}"
