"""Isolate failures of candidates, so that others still compete."""

import contextlib
from collections.abc import Iterator
from typing import Final

from slimgate.codec.image import memory
from slimgate.codec.measures import floors
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.search import memory_needs
from slimgate.codec.search.state import Candidate, SearchState
from slimgate.codec.search.verdicts import Verdict

_LONGEST: Final = 200
"""Maximum length of a library's error message, characters."""


@contextlib.contextmanager
def recording_failure(state: SearchState, candidate: Candidate, *, sampled: bool) -> Iterator[None]:
    """Turn any exception of an encoder, decoder or restorer into a lost trial.

    Args:
        state: state of the search.
        candidate: candidate tried in the block.
        sampled: only a sample of the image is tried.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001  # libraries raise any exception
        state.record_failure(candidate, Verdict.FAILED, reason(error), sampled=sampled)


def reason(error: Exception) -> str:
    """Return a short reason why a step failed."""
    if memory.is_exhausted(error):
        return "out of memory"
    return f"{type(error).__name__}: {error}".rstrip(": ")[:_LONGEST]


def refusal(error: Exception) -> Refused:
    """Return the refusal of an upload for which a step failed."""
    if isinstance(error, Refused):
        return error
    if memory.is_exhausted(error):
        return Refused(Reason.MEMORY)
    return Refused(Reason.FAILED, reason(error))


def has_memory(state: SearchState, candidate: Candidate) -> bool:
    """Return whether memory suffices for a candidate; otherwise record a lost trial."""
    upload = state.source.upload
    need = memory_needs.to_try(
        upload.width * upload.height,
        candidate.codec,
        candidate.subsampling,
        candidate.scale,
        scores=floors.comparisons(state.floor, upload.mode) * state.source.pictures,
    )
    lacking = state.steps.lacks(need)
    if lacking:
        state.record_failure(candidate, Verdict.NEEDS_MEMORY, lacking, sampled=False)
    return lacking is None
