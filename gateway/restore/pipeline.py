"""The steps of a GET in order, from the request to the response."""

from collections.abc import Awaitable, Callable
from typing import Final

from slimgate.gateway.restore.compute import File
from slimgate.gateway.restore.negotiation import negotiate
from slimgate.gateway.restore.probing import probe
from slimgate.gateway.restore.read import Answer, FileRead, ObjectRead, Reads
from slimgate.gateway.restore.steps import (
    judge_conditions,
    look_in_cache,
    read_stored,
    respond,
    restore,
)
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.stored_object import ManagedObject

FILE: Final[tuple[Callable[[FileRead], Awaitable[None]], ...]] = (
    look_in_cache,
    read_stored,
    restore,
)
"""From a managed object to the restored file."""

STEPS: Final[tuple[Callable[[ObjectRead], Awaitable[Answer | None]], ...]] = (
    probe,
    negotiate,
    judge_conditions,
    *FILE,
    respond,
)
"""From a request to its response; the first step that returns one is the last."""


async def answer(read: ObjectRead) -> Answer:
    """Answer a GET or HEAD of an object.

    Returns:
        The answer; its resources stay open as long as ``read.open``.

    Raises:
        BeingCompleted: The plain object may be about to be replaced.
        S3Error: As the steps.
    """
    for step in STEPS:
        found = await step(read)
        if found is not None:
            return found
    raise RuntimeError("no step returned an answer")


async def file_of(parts: Reads, client: ObjectClient, found: ManagedObject) -> File:
    """Return the restored file of a managed object.

    Raises:
        S3Error: As the steps of ``FILE``.
    """
    read = FileRead(parts=parts, client=client, found=found)
    for step in FILE:
        await step(read)
    return read.restored
