"""Rounds of an action: all shards of the plan, then those of failed rows, again and again.

The folder of an action has ``control.json``, the state of the first round, and ``retries/N/`` with
shards and state of each later round.
"""

import json
from dataclasses import dataclass
from typing import Final

from slimgate.gateway.jobs.state.lines import Damaged
from slimgate.gateway.jobs.state.store import JobStore

_SEAL: Final = "round.json"
_MAX_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class RoundSpec:
    """Which round it is.

    Attributes:
        number: 0 for the plan; N for the N-th retry.
        count: Number of shards.
        rows: Number of objects.
        mended: Shards of the round before that were damaged and are whole now: all of their
            objects are in this round.
    """

    number: int
    count: int
    rows: int
    mended: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """Shards, and where the state of their processing is.

    Attributes:
        spec: Which round it is.
        shards: Where the shards are.
        state: Where leases, progress and records are.
        control: Where the control of the action is.
    """

    spec: RoundSpec
    shards: JobStore
    state: JobStore
    control: JobStore


def open_round(job: JobStore, action: str, spec: RoundSpec) -> Round:
    """Return a round of an action.

    Args:
        job: The job.
        action: Folder of the action.
        spec: Which round.
    """
    control = job.at(action)
    if spec.number == 0:
        return Round(spec, job, control, control)
    store = _retry(control, spec.number)
    return Round(spec, store, store, control)


async def rounds(job: JobStore, action: str, count: int, rows: int) -> list[Round]:
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
    found = [open_round(job, action, RoundSpec(0, count, rows))]
    control = found[0].control
    while (spec := await _sealed(control, len(found))) is not None:
        found.append(open_round(job, action, spec))
    return found


async def seal(control: JobStore, spec: RoundSpec) -> None:
    """Make a retry valid, whose shards are written.

    Raises:
        Changed: There is another retry of that number.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    text = json.dumps({"shards": spec.count, "rows": spec.rows, "mended": spec.mended})
    await _retry(control, spec.number).create(_SEAL, text.encode())


async def _sealed(control: JobStore, number: int) -> RoundSpec | None:
    store = _retry(control, number)
    found = await store.read(_SEAL, _MAX_BYTES)
    if found is None:
        return None
    try:
        said = json.loads(found.data)
        mended = tuple(int(shard) for shard in said["mended"])
        return RoundSpec(number, int(said["shards"]), int(said["rows"]), mended)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Damaged(f"{store}/{_SEAL} cannot be read") from error


def _retry(control: JobStore, number: int) -> JobStore:
    return control.at(f"retries/{number}")
