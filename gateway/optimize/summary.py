"""Summarize a search in a few lines: the fate of each tier, and the codecs that were left out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from slimgate.codec.manifest import Stored
from slimgate.codec.search.omissions import LOSSY, TIERS, Omission, Omitted, Tier, What
from slimgate.codec.search.state import Trial
from slimgate.codec.search.verdicts import Verdict

_TOGETHER: Final[Mapping[Tier, tuple[Tier, str]]] = {
    "exact": ("lossless", "the pixels return, but not the very bytes"),
    "lossless": ("exact", "the very bytes return, which is exact"),
}
"""PNG files are stored once for both tiers; the restored bytes decide which one it is."""

_NO_TIER: Final = frozenset({Omission.TIER, Omission.BYTES, Omission.C2PA})


class Fate(NamedTuple):
    """The fate of a tier, of all lossy tiers, or of a codec.

    Attributes:
        what: Name of the subject.
        text: That it won, why it lost, or why it was not tried.
    """

    what: str
    text: str


def fates(
    trials: Sequence[Trial], omitted: Iterable[Omitted], winner: Stored | None
) -> Iterator[Fate]:
    """Yield the fate of each tier, and of omitted codecs.

    Args:
        trials: Trials of the search.
        omitted: Omissions of the search.
        winner: What is stored; None: the upload.
    """
    left_out: dict[What, Omitted] = {each.what: each for each in omitted}
    for tier in TIERS:
        tried = [trial for trial in trials if trial.candidate.tier == tier]
        if winner is not None and winner.tier == tier:
            yield Fate(tier, "won")
        elif tried:
            yield Fate(tier, f"lost: {_why_lost(tried)}")
        elif tier not in left_out and tier in _TOGETHER and (told := _with_other(tier, trials)):
            yield Fate(tier, f"lost: {told}")
        else:
            yield Fate(tier, f"not tried: {_why_omitted(tier, left_out, won=winner is not None)}")
    if "lossy" in left_out:
        yield Fate("with loss", f"not tried: {left_out['lossy']}")
    if not all(tier in left_out and left_out[tier].why in _NO_TIER for tier in LOSSY):
        yield from _codecs(left_out, trials)


def _codecs(left_out: Mapping[What, Omitted], trials: Sequence[Trial]) -> Iterator[Fate]:
    """Yield why codecs were left out, grouped by reason."""
    # A codec that was left out at first may later have replaced one that failed.
    tried = {trial.candidate.codec for trial in trials if trial.candidate.tier in LOSSY}
    by_reason: dict[str, list[str]] = {}
    for what, each in left_out.items():
        if what not in (*TIERS, "lossy", *tried):
            by_reason.setdefault(str(each), []).append(what)
    for reason, names in by_reason.items():
        yield Fate(", ".join(names), f"not tried with loss: {reason}")


def _with_other(tier: Tier, trials: Sequence[Trial]) -> str:
    """Return why a tier lost that was tried together with another; empty if it was not."""
    other, instead = _TOGETHER[tier]
    tried = [trial for trial in trials if trial.candidate.tier == other]
    held = any(trial.verdict is Verdict.HOLDS for trial in tried)
    return instead if held else _why_lost(tried) if tried else ""


def _why_lost(trials: Sequence[Trial]) -> str:
    """Return why a tier lost; trials of the whole image count more than those of a sample."""
    whole = [trial for trial in trials if not trial.sampled]
    verdicts = {_verdict(trial) for trial in whole or trials}
    return ", ".join(sorted(verdicts)) + ("" if whole else " (of a sample)")


def _verdict(trial: Trial) -> str:
    if trial.verdict is Verdict.HOLDS:
        return "holds, but larger than the best"
    return f"{trial.verdict}: {trial.note}" if trial.note else trial.verdict.value


def _why_omitted(tier: Tier, left_out: dict[What, Omitted], *, won: bool) -> str:
    if tier in left_out:
        return str(left_out[tier])
    if tier in LOSSY and "lossy" in left_out:
        return str(left_out["lossy"])
    # Candidates are tried in order, and the search may end early.
    return "the search ended before it" if won else "the file was refused before it"
