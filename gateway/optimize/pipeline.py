"""The steps of a PUT in order, from the upload to the stored rendition.

PutObject and CompleteMultipartUpload run all of them; jobs run those that find and
store. Uploads that are optimized later stop before reading, the playground before recording.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from slimgate.gateway.optimize.candidate import Candidate, StoredCandidate
from slimgate.gateway.optimize.steps import (
    bound_size,
    check_lock,
    find_byte_exact,
    keep_original,
    read,
    record,
    reuse,
    screen_request,
    search,
    sniff_type,
    store,
    write_manifest,
)

_T = TypeVar("_T", bound=Candidate)

SCREEN: Final[tuple[Callable[[Candidate], Awaitable[None]], ...]] = (
    screen_request,
    bound_size,
    sniff_type,
)
"""Checks that cost nothing, also for clients that are not authenticated yet."""

ADMIT: Final[tuple[Callable[[Candidate], Awaitable[None]], ...]] = (*SCREEN, check_lock)
"""Checks before an image is read; uploads that are optimized later pass these first."""

FIND: Final[tuple[Callable[[Candidate], Awaitable[None]], ...]] = (
    *ADMIT,
    read,
    find_byte_exact,
    reuse,
    search,
)
"""From an image to its rendition; the playground runs these."""

RECORD: Final[tuple[Callable[[Candidate], Awaitable[None]], ...]] = (*FIND, record)
"""The same for uploads, whose renditions are recorded."""

STORE: Final[tuple[Callable[[StoredCandidate], Awaitable[None]], ...]] = (
    write_manifest,
    keep_original,
    store,
)
"""From the rendition to the store."""

STEPS: Final[tuple[Callable[[StoredCandidate], Awaitable[None]], ...]] = (*RECORD, *STORE)

LATER: Final[tuple[Callable[[StoredCandidate], Awaitable[None]], ...]] = (*FIND, *STORE, record)
"""Steps for an upload from the queue, which may be replaced by its client meanwhile."""


async def run(steps: Iterable[Callable[[_T], Awaitable[None]]], candidate: _T) -> None:
    """Run steps in order.

    Args:
        steps: The steps.
        candidate: The image.

    Raises:
        Refused, Busy: The image stays as it is; later steps are skipped.
    """
    for step in steps:
        await step(candidate)
