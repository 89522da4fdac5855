"""Rounds of an action: all shards of the plan, then those of failed rows, again and again.

The folder of an action has ``control.json``, the state of the first round, and ``retries/N/`` with
shards and state of each later round.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from gateway.jobs.address import Place
from gateway.jobs.state.lines import Damaged
from gateway.jobs.state.store import JobStore

_SEAL: Final = "round.json"
_MAX_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Round:
    """Shards, and where the state of their processing is.

    Attributes:
        number: 0 for the plan; N for the N-th retry.
        shards: Where the shards are.
        state: Where leases, progress and records are.
        control: Where the control of the action is.
        count: Number of shards.
        rows: Number of objects.
    """

    number: int
    shards: JobStore
    state: JobStore
    control: JobStore
    count: int
    rows: int


def folder(store: JobStore, name: str) -> JobStore:
    """Return a folder below a prefix."""
    bucket, key = store.place
    return JobStore(store.client, Place(bucket, f"{key.rstrip('/')}/{name}"))


async def rounds(job: JobStore, action: str, count: int, rows: int) -> AsyncIterator[Round]:
    """Return the rounds of an action, in order.

    Args:
        job: The job.
        action: Folder of the action.
        count: Shards of the plan.
        rows: Objects of the plan.

    Raises:
        Damaged: A round cannot be read.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    control = folder(job, action)
    yield Round(0, job, control, control, count, rows)
    number = 1
    while (found := await _retry(control, number)) is not None:
        yield found
        number += 1


def retry_store(control: JobStore, number: int) -> JobStore:
    """Return where the N-th retry is."""
    return folder(control, f"retries/{number}")


async def seal(control: JobStore, number: int, *, count: int, rows: int) -> None:
    """Make a retry valid, whose shards are written.

    Raises:
        Changed: There is another retry of that number.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    text = json.dumps({"shards": count, "rows": rows})
    await retry_store(control, number).create(_SEAL, text.encode())


async def _retry(control: JobStore, number: int) -> Round | None:
    store = retry_store(control, number)
    found = await store.read(_SEAL, _MAX_BYTES)
    if found is None:
        return None
    try:
        said = json.loads(found.data)
        return Round(number, store, store, control, int(said["shards"]), int(said["rows"]))
    except (ValueError, TypeError, KeyError) as error:
        raise Damaged(f"{store}/{_SEAL} cannot be read") from error
