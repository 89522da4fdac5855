"""Process all wanted objects of a bucket, several at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from tqdm import tqdm

from codec.reasons import Reason, Refused
from gateway.jobs.journal import Journal
from gateway.jobs.listing import Entry, Window
from gateway.jobs.outcome import CHANGED, FAILED, STAYS, Failure, Outcome
from gateway.s3.errors import S3Error
from gateway.storage.errors import Changed, Denied
from gateway.workers.pool import Busy

Work = Callable[[Entry], Awaitable[Outcome]]
"""Processes one object; may be called again after an error."""

_PAUSES_S: Final = (0.5, 4.0)
"""Pauses before retries when the store does not respond, seconds."""

_PASSING: Final = frozenset({"ServiceUnavailable", "SlowDown"})


async def run(
    windows: AsyncIterator[Window],
    work: Work,
    journal: Journal,
    *,
    jobs: int,
    limit: int | None = None,
) -> None:
    """Process windows in order, failed objects of an earlier run first.

    Args:
        windows: Listing after the progress in the journal.
        work: Processes an object.
        journal: Records outcomes.
        jobs: Concurrent objects.
        limit: Most objects to process; None: all.

    Raises:
        Denied, S3Error: The bucket cannot be listed any further.
        OSError: The journal cannot be written.
    """
    left = _Remaining(limit)
    bar: tqdm[NoReturn] = tqdm(unit="object", disable=None, dynamic_ncols=True, total=0)
    with bar:
        runner = _Runner(work, journal, bar, jobs)
        await runner.work_through(left.of(journal.again()))
        while not left.is_none and (window := await anext(windows, None)) is not None:
            entries = [e for e in window.largest_first() if not journal.is_done(e.key)]
            await runner.work_through(left.of(entries))
            if left.took_all:
                journal.close_window(window)


class _Remaining:
    """Number of objects that may still be processed."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self.took_all = True

    @property
    def is_none(self) -> bool:
        """Return whether the limit is reached."""
        return self._limit is not None and self._limit <= 0

    def of(self, entries: list[Entry]) -> list[Entry]:
        """Return as many entries as may be processed."""
        if self._limit is None:
            return entries
        chosen = entries[: self._limit]
        self.took_all = len(chosen) == len(entries)
        self._limit -= len(chosen)
        return chosen


@dataclass(frozen=True, slots=True)
class _Runner:
    """Processes the entries of a run concurrently."""

    work: Work
    journal: Journal
    bar: "tqdm[NoReturn]"
    jobs: int

    async def work_through(self, entries: list[Entry]) -> None:
        """Process entries, several at a time."""
        self.bar.total = (self.bar.total or 0) + len(entries)
        left = iter(entries)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.jobs, len(entries))):
                    group.create_task(self._take(left))
        except BaseExceptionGroup as errors:
            # An error in one task ends the run; the others would fail likewise.
            raise errors.exceptions[0] from errors

    async def _take(self, left: Iterator[Entry]) -> None:
        for entry in left:
            outcome = await attempt(self.work, entry)
            self.journal.add(entry.key, outcome)
            self.bar.update()
            saved = f"{self.journal.totals.saved:,} bytes saved"
            self.bar.set_postfix_str(saved, refresh=False)


async def attempt(work: Work, entry: Entry) -> Outcome:
    """Process one object, with retries if the store does not respond, and return the outcome."""
    for pause_s in _PAUSES_S:
        try:
            return await _outcome(work, entry)
        except S3Error:
            await asyncio.sleep(pause_s)
    try:
        return await _outcome(work, entry)
    except S3Error as error:
        return Outcome.same(FAILED, entry.size, error.message, Reason.UNAVAILABLE)


async def _outcome(work: Work, entry: Entry) -> Outcome:
    """Process one object once.

    Raises:
        S3Error: A retry may succeed.
    """
    try:
        return await work(entry)
    except Changed:
        return Outcome.same(CHANGED, entry.size)
    except Refused as reason:
        return Outcome.same(STAYS, entry.size, str(reason), reason.reason)
    except Denied as error:
        return Outcome.same(FAILED, entry.size, str(error), Failure.DENIED)
    except Busy as error:
        return Outcome.same(FAILED, entry.size, str(error), error.reason)
    except S3Error as error:
        if error.code in _PASSING:
            raise
        return Outcome.same(FAILED, entry.size, error.message, Failure.STORE)
