"""A PUT, from the upload to the stored rendition: the steps, in their order.

PutObject and CompleteMultipartUpload take all of them, ``python -m gateway optimize`` those that
find and store. A policy in shadow mode ends before anything is stored, the playground before
anything is recorded.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from gateway.optimize.candidate import Candidate, Stored
from gateway.optimize.steps import (
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

FIND: Final[tuple[Callable[[Candidate], Awaitable[None]], ...]] = (
    screen_request,
    bound_size,
    sniff_type,
    check_lock,
    read,
    find_byte_exact,
    reuse,
    search,
)
"""From an image to its rendition; all that the playground does."""

RECORD: Final[tuple[Callable[[Candidate], Awaitable[None]], ...]] = (*FIND, record)
"""The same for uploads, whose renditions are counted."""

STORE: Final[tuple[Callable[[Stored], Awaitable[None]], ...]] = (
    write_manifest,
    keep_original,
    store,
)
"""From the rendition to the store."""

STEPS: Final[tuple[Callable[[Stored], Awaitable[None]], ...]] = (*RECORD, *STORE)

SHADOW: Final[tuple[Callable[[Stored], Awaitable[None]], ...]] = (*RECORD, write_manifest)
"""What a policy in shadow mode does of a PutObject."""


async def run(steps: Iterable[Callable[[_T], Awaitable[None]]], candidate: _T) -> None:
    """Take the steps in their order.

    Args:
        steps: Those that the candidate needs.
        candidate: The image.

    Raises:
        Refused, Busy: The image stays as it is; later steps are not taken.
    """
    for step in steps:
        await step(candidate)
