"""What has become of the objects of an action, for people and for machines."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from slimgate.codec.reasons import Reason
from slimgate.gateway.jobs import money
from slimgate.gateway.jobs.outcome import Failure
from slimgate.gateway.jobs.printable import printable
from slimgate.gateway.jobs.state import failures
from slimgate.gateway.jobs.state.done import Done, ShardTotals, Sum
from slimgate.gateway.jobs.state.progress import Progress, Record
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.state.shards import MAX_ROWS
from slimgate.gateway.jobs.tally import Tally, records, unfinished_shards

_SHOWN: Final = 20
"""Failed objects that people are shown."""

_TEXTS: Final = {each.value: each.text for each in (*Reason, *Failure)}


def summary(counted: Tally, *, changes_sizes: bool = True) -> str:
    """Return what a run has done, and what it is worth, as lines for people.

    Args:
        counted: Sums.
        changes_sizes: Whether the action is about sizes; if not, none is compared.
    """
    totals = counted.totals
    lines = [_table(totals) if changes_sizes else _plain_table(totals)]
    if counted.left:
        lines.append(f"{counted.left:,} objects are left\n")
    lines += [f"shard {n} failed: {printable(why)}\n" for n, why in sorted(totals.damaged.items())]
    if changes_sizes:
        lines.append(f"{money.balance(totals.saved)} ({money.price().store})\n")
    return "".join(lines)


async def report(parts: Sequence[Round], counted: Tally, *, changes_sizes: bool = True) -> str:
    """Return everything that people may want to know.

    Args:
        parts: Rounds of the action.
        counted: Their sums.
        changes_sizes: As for :func:`summary`.

    Raises:
        Damaged, Denied, S3Error: The state of the job cannot be read.
    """
    lines = [summary(counted, changes_sizes=changes_sizes), *_reasons(counted.totals)]
    if counted.failed:
        lines.append(f"failed, {min(counted.failed, _SHOWN)} of {counted.failed:,}:\n")
        lines += [_failure(each) async for each in _failed(parts[-1])]
    return "".join(lines)


def as_json(counted: Tally) -> dict[str, object]:
    """Return sums as a JSON object."""
    totals, worth = counted.totals, money.price()
    return {
        "objects": counted.rows,
        "done": totals.rows,
        "left": counted.left,
        "failed": counted.failed,
        "verdicts": {name: each._asdict() for name, each in sorted(totals.sums.items())},
        "labels": [
            {"verdict": verdict, "label": label, "objects": count}
            for (verdict, label), count in sorted(totals.labels.items())
        ],
        "damaged_shards": {str(number): why for number, why in sorted(totals.damaged.items())},
        "saved_bytes": totals.saved,
        "saved_per_month": round(totals.saved * worth.byte_month, 4),
        "currency": worth.currency,
    }


async def objects(parts: Sequence[Round]) -> AsyncIterator[str]:
    """Yield a JSON line per processed object, in the order of the plan as far as it is done.

    An object that failed, and was tried again, comes once per attempt.

    Raises:
        Damaged, Denied, S3Error: The state of the job cannot be read.
    """
    for part in parts:
        async for record in records(part):
            for each in await _records(part, record):
                yield json.dumps(_line(each))
    async for processed in unfinished_shards(parts[-1]):
        for each in processed:
            yield json.dumps(_line(each))


async def _records(part: Round, record: Done) -> list[Record]:
    found, _ = await Progress(part.state).read(record.shard, record.progress, MAX_ROWS)
    return [each for _, each in sorted(found.items())]


def _line(record: Record) -> dict[str, object]:
    version = {} if record.version is None else {"version": record.version}
    outcome = record.outcome._asdict()
    outcome["detail"] = dict(record.outcome.detail)
    return {"key": record.key, **version, **outcome}


async def _failed(part: Round) -> AsyncIterator[failures.FailedRow]:
    """Yield some of the failed rows of a round."""
    left = _SHOWN
    async for record in records(part):
        if record.failed and left:
            for each in (await failures.read(part.state, record.failed))[:left]:
                yield each
                left -= 1
        if not left:
            return


def _reasons(totals: ShardTotals) -> Iterator[str]:
    for (verdict, label), count in sorted(totals.labels.items(), key=lambda each: -each[1]):
        meaning = _TEXTS.get(label, "see docs/reasons.md")
        yield f"{printable(f'{verdict}, {label}')}: {count:,} ({meaning})\n"


def _failure(failed: failures.FailedRow) -> str:
    return f"  {printable(failed.row.key)}: {printable(failed.reason)}\n"


def _table(totals: ShardTotals) -> str:
    """Return a line per verdict, and a total."""
    rows = sorted(totals.sums.items())
    whole = Sum(*(sum(column) for column in zip(*totals.sums.values(), strict=True)))
    lines = [_cells("", "objects", "bytes before", "bytes after", "saved")]
    lines += [_row(verdict, each) for verdict, each in rows]
    lines.append(_row("in all", whole))
    return "".join(lines)


def _row(name: str, each: Sum) -> str:
    share = change(each.before, each.after)
    return _cells(name, f"{each.objects:,}", f"{each.before:,}", f"{each.after:,}", share)


def change(before: int, after: int) -> str:
    """Return the share saved, or how much larger something has become, in a few characters."""
    if after <= before:
        return f"{100 * (before - after) / before if before else 0.0:.1f} %"
    if not before:
        return "larger"
    return f"{after / before:.1f} x as large"


def _plain_table(totals: ShardTotals) -> str:
    """Return a line per verdict, and a total, for actions that change no sizes."""
    rows = sorted(totals.sums.items())
    whole = Sum(*(sum(column) for column in zip(*totals.sums.values(), strict=True)))
    lines = [_cells("", "objects", "bytes")]
    lines += [_cells(verdict, f"{each.objects:,}", f"{each.before:,}") for verdict, each in rows]
    lines.append(_cells("in all", f"{whole.objects:,}", f"{whole.before:,}"))
    return "".join(lines)


def _cells(name: str, *cells: str) -> str:
    widths = (11, 19, 19, 16)
    shown = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False))
    return f"{printable(name):<18}{shown}\n"
