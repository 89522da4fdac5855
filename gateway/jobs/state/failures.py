"""Rows that failed, with reasons: what retry-failed takes up."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from slimgate.gateway.jobs.outcome import FAILED
from slimgate.gateway.jobs.state.lines import Damaged, pack, unpack
from slimgate.gateway.jobs.state.progress import Record
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.jobs.state.store import JobStore


class FailedRow(NamedTuple):
    """A row that failed.

    Attributes:
        row: The row.
        reason: What failed.
        label: Its label: see docs/reasons.md.
    """

    row: Row
    reason: str
    label: str


async def write(store: JobStore, shard: int, rows: Sequence[Row], records: Iterable[Record]) -> str:
    """Write the failed rows of a shard.

    Args:
        store: The folder of the round.
        shard: Number of the shard.
        rows: Its rows.
        records: What became of them.

    Returns:
        Name of the object; empty: no row failed, and nothing was written.

    Raises:
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    failed = sorted(each for each in records if each.outcome.verdict == FAILED)
    if not failed:
        return ""
    content = pack([_line(rows[each.row], each) for each in failed])
    # Another process may finish the shard and find other failures: the content makes the name.
    digest = hashlib.sha256(content).hexdigest()[:16]
    name = f"failed/{shard:08}-{digest}.jsonl.zst"
    await store.create(name, content)
    return name


async def read(store: JobStore, name: str) -> list[FailedRow]:
    """Read the failed rows of a shard.

    Args:
        store: The folder of the round.
        name: Name of the object, from the record of the shard.

    Raises:
        Damaged: They cannot be read.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    found = await store.read(name)
    if found is None:
        raise Damaged(f"{name} is missing")
    try:
        return [_failed_row(line) for line in unpack(found.data)]
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{name} has a line that is no failed row") from error


def _line(row: Row, record: Record) -> dict[str, object]:
    outcome = record.outcome
    return {**json.loads(row.dumps()), "reason": outcome.reason, "label": outcome.label}


def _failed_row(line: dict[str, object]) -> FailedRow:
    row = Row.loads(json.dumps(line).encode())
    return FailedRow(row, str(line["reason"]), str(line["label"]))
