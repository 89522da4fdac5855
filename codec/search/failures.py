"""A candidate that fails loses: the others still compete."""

import contextlib
from collections.abc import Iterator
from typing import Final

from codec.image import memory
from codec.reasons import Reason, Refused
from codec.search import memory_needs
from codec.search.contest import Candidate, Contest
from codec.search.verdicts import Verdict

_LONGEST: Final = 200
"""Characters of what a library says of a failure."""


@contextlib.contextmanager
def losing(contest: Contest, candidate: Candidate, *, sampled: bool) -> Iterator[None]:
    """Turn whatever an encoder, a decoder or a restorer raises into a lost trial.

    Args:
        contest: Where it is noted.
        candidate: What is tried in the block.
        sampled: Whether only a sample of the image is.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001  # libraries raise anything
        contest.lose(candidate, Verdict.FAILED, reason(error), sampled=sampled)


def reason(error: Exception) -> str:
    """Say in a few words why a step failed."""
    if memory.is_exhausted(error):
        return "out of memory"
    return f"{type(error).__name__}: {error}".rstrip(": ")[:_LONGEST]


def refusal(error: Exception) -> Refused:
    """Say why an upload stays as it is for which a step failed."""
    if memory.is_exhausted(error):
        return Refused(Reason.MEMORY)
    return Refused(Reason.FAILED, reason(error))


def has_memory(contest: Contest, candidate: Candidate) -> bool:
    """Return whether there is enough memory for a candidate; one that lacks it is out."""
    upload = contest.subject.upload
    need = memory_needs.to_try(
        upload.width * upload.height, candidate.codec, candidate.subsampling, candidate.scale
    )
    lacking = contest.steps.lacks(need)
    if lacking:
        contest.lose(candidate, Verdict.NEEDS_MEMORY, lacking, sampled=False)
    return lacking is None
