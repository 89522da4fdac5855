"""Do something to every object of a bucket that is wanted, several at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from tqdm import tqdm

from codec.reasons import Refused
from gateway.jobs.journal import Journal
from gateway.jobs.listing import Entry, Window
from gateway.jobs.outcome import CHANGED, FAILED, STAYS, Outcome
from gateway.s3.errors import S3Error
from gateway.storage.errors import Changed, Denied
from gateway.workers.pool import Busy

Work = Callable[[Entry], Awaitable[Outcome]]
"""Does it to one object. It may be called again after it has raised."""

_PAUSES_S: Final = (0.5, 4.0)
"""Waiting times before an object is tried again that the store did not answer for."""

_PASSING: Final = frozenset({"ServiceUnavailable", "SlowDown"})


async def run(
    windows: AsyncIterator[Window],
    work: Work,
    journal: Journal,
    *,
    jobs: int,
    limit: int | None = None,
) -> None:
    """Work through windows one after the other; what failed in an earlier run comes first.

    Args:
        windows: What the listing has after what the journal knows to be done.
        work: What is done to each object.
        journal: Where it is noted.
        jobs: How many objects are worked on at a time.
        limit: After how many objects to stop; None: at the end.

    Raises:
        Denied, S3Error: The bucket cannot be listed any further.
        OSError: The journal cannot be written to.
    """
    left = _Left(limit)
    bar: tqdm[NoReturn] = tqdm(unit="object", disable=None, dynamic_ncols=True, total=0)
    with bar:
        shop = _Shop(work, journal, bar, jobs)
        await shop.work_through(left.of(journal.again()))
        while not left.is_none and (window := await anext(windows, None)) is not None:
            entries = [e for e in window.largest_first() if not journal.is_done(e.key)]
            await shop.work_through(left.of(entries))
            if left.took_all:
                journal.close_window(window)


class _Left:
    """How many objects may still be worked on."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self.took_all = True

    @property
    def is_none(self) -> bool:
        """Return whether it is time to stop."""
        return self._limit is not None and self._limit <= 0

    def of(self, entries: list[Entry]) -> list[Entry]:
        """Give as many entries as may be worked on."""
        if self._limit is None:
            return entries
        chosen = entries[: self._limit]
        self.took_all = len(chosen) == len(entries)
        self._limit -= len(chosen)
        return chosen


@dataclass(frozen=True, slots=True)
class _Shop:
    """Where the work of a run is done."""

    work: Work
    journal: Journal
    bar: "tqdm[NoReturn]"
    jobs: int

    async def work_through(self, entries: list[Entry]) -> None:
        """Work on these objects, several at a time."""
        self.bar.total = (self.bar.total or 0) + len(entries)
        left = iter(entries)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.jobs, len(entries))):
                    group.create_task(self._take(left))
        except BaseExceptionGroup as errors:
            # Whatever ends one worker ends the run, and the others would say the same.
            raise errors.exceptions[0] from errors

    async def _take(self, left: Iterator[Entry]) -> None:
        for entry in left:
            outcome = await attempt(self.work, entry)
            self.journal.add(entry.key, outcome)
            self.bar.update()
            saved = f"{self.journal.totals.saved:,} bytes saved"
            self.bar.set_postfix_str(saved, refresh=False)


async def attempt(work: Work, entry: Entry) -> Outcome:
    """Do it to one object, again when the store was not there, and say what became of it."""
    for pause_s in _PAUSES_S:
        try:
            return await _outcome(work, entry)
        except S3Error:
            await asyncio.sleep(pause_s)
    try:
        return await _outcome(work, entry)
    except S3Error as error:
        return Outcome.same(FAILED, entry.size, error.message)


async def _outcome(work: Work, entry: Entry) -> Outcome:
    """Do it once.

    Raises:
        S3Error: It may go better the next time.
    """
    try:
        return await work(entry)
    except Changed:
        return Outcome.same(CHANGED, entry.size)
    except Refused as reason:
        return Outcome.same(STAYS, entry.size, str(reason))
    except (Denied, Busy) as error:
        return Outcome.same(FAILED, entry.size, str(error))
    except S3Error as error:
        if error.code in _PASSING:
            raise
        return Outcome.same(FAILED, entry.size, error.message)
