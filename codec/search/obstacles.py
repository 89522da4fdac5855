"""What kept a file from a better tier: from what a search has tried and left out."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.search.omissions import LOSSY, Omission, Omitted, What
from slimgate.codec.search.state import Trial
from slimgate.codec.search.verdicts import Verdict

NOT_SMALLER: Final = "nothing that loses anything is smaller and holds the floor"

_BY_KIND: Final = frozenset({Reason.UNSUPPORTED, Reason.KIND})
"""Reasons whose details name a kind of files, and not one file."""

_OF_FILE: Final = frozenset({Omission.C2PA, Omission.FORMAT, Omission.UNSUPPORTED})
"""Omissions because of what a file is."""


_WORDS: Final = {
    Omission.FORMAT: "files of this type come back byte for byte",
    Omission.TIER: "the policy does not allow tiers with loss",
}
"""What an omission of all tiers with loss says of a file."""


class Obstacle(NamedTuple):
    """What kept a file from a tier with loss.

    Attributes:
        why: the same words for all files that it kept back alike.
        is_form: the form of the file is the obstacle: the same pixels in an ordinary file would
            not meet it.
    """

    why: str
    is_form: bool = False


def of_refused(refused: Refused) -> Obstacle:
    """Return why a file is stored as it came."""
    lossy = next((each for each in refused.omitted if each.what == "lossy"), None)
    if refused.reason is Reason.FLOOR and lossy is not None:
        return _omitted(lossy)
    is_form = refused.reason in {*_BY_KIND, Reason.C2PA}
    return Obstacle(str(refused) if refused.reason in _BY_KIND else refused.reason.text, is_form)


def of_stored(tier: str, trials: Sequence[Trial], omitted: Iterable[Omitted]) -> Obstacle | None:
    """Return why a file is stored without loss; None if nothing with loss would be smaller.

    Args:
        tier: tier of its rendition.
        trials: trials of the search.
        omitted: what the search left out.
    """
    if tier in LOSSY:
        return None
    left_out: dict[What, Omitted] = {each.what: each for each in omitted}
    if left_out.keys() >= LOSSY:  # by the policy, or because every byte counts
        return _omitted(left_out["recode"])
    if "lossy" in left_out:
        return _omitted(left_out["lossy"])
    lossy = [trial for trial in trials if trial.candidate.tier in LOSSY and not trial.sampled]
    if any(trial.verdict is Verdict.HOLDS for trial in lossy):
        return None
    return Obstacle(NOT_SMALLER)


def _omitted(omission: Omitted) -> Obstacle:
    why = _WORDS.get(omission.why, omission.why.value)
    is_form = omission.why in _OF_FILE
    return Obstacle(f"{why} ({omission.detail})" if is_form and omission.detail else why, is_form)
