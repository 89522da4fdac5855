import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codec.reasons import Reason, Refused
from gateway.jobs import run as tested
from gateway.jobs.journal import Journal, Subject
from gateway.jobs.listing import Entry, Window
from gateway.jobs.outcome import Outcome, Totals
from gateway.s3.errors import S3Error
from gateway.storage.errors import Changed, Denied
from gateway.workers.pool import Busy

_SUBJECT: Subject = {"tool": "verify", "bucket": "b", "prefix": "", "dry_run": False}


async def _windows(*windows: Window) -> AsyncIterator[Window]:
    for window in windows:
        yield window


def _two() -> AsyncIterator[Window]:
    first = Window([Entry("a", 1), Entry("b", 9), Entry("c", 5)], last="c")
    return _windows(first, Window([Entry("d", 7)], last="d"))


async def _run(path: Path, limit: int | None, *, resume: bool = False) -> list[str]:
    seen: list[str] = []

    async def work(entry: Entry) -> Outcome:
        seen.append(entry.key)
        return Outcome.same("seen", entry.size)

    journal = (Journal.resume if resume else Journal.begin)(path, _SUBJECT)
    with journal:
        await tested.run(_two(), work, journal, jobs=1, limit=limit)
    return seen


async def test_the_largest_come_first(tmp_path: Path) -> None:
    """Within a window the largest objects come first, window after window."""
    assert await _run(tmp_path / "log", None) == ["b", "c", "a", "d"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 9])
async def test_a_limit_leaves_the_rest_for_later(tmp_path: Path, limit: int) -> None:
    """A run stops after that many objects; resumed, it does the others and nothing twice."""
    first = await _run(tmp_path / "log", limit)
    assert len(first) == min(limit, 4)
    with Journal.resume(tmp_path / "log", _SUBJECT) as journal:
        after = journal.progress.after
    rest = await _run(tmp_path / "log", None, resume=True)
    # The listing itself begins after that key; this one does not, and repeats what is before it.
    assert first + [key for key in rest if key > after] == ["b", "c", "a", "d"]


async def test_jobs_work_at_the_same_time(tmp_path: Path) -> None:
    """As many objects as there are jobs are worked on at once, and never more."""
    together = asyncio.Barrier(3)

    async def work(entry: Entry) -> Outcome:
        await asyncio.wait_for(together.wait(), 10)
        return Outcome.same("seen", entry.size)

    window = Window([Entry(str(index), 1) for index in range(6)], last="5")
    with Journal.begin(tmp_path / "log", _SUBJECT) as journal:
        await tested.run(_windows(window), work, journal, jobs=3)
        assert list(journal.totals) == [("seen", 6)]


@pytest.mark.parametrize(
    ("error", "verdict", "reason", "label"),
    [
        (Changed(), "changed meanwhile", "", ""),
        (Refused(Reason.SMALL), "stays", "too small to gain anything", "small"),
        (Denied("may this key?"), "failed", "may this key?", "denied"),
        (Busy("64 are waiting"), "failed", "64 are waiting", "busy"),
        (S3Error("InternalError", "broken manifest"), "failed", "broken manifest", "store error"),
    ],
)
async def test_errors_are_outcomes(error: Exception, verdict: str, reason: str, label: str) -> None:
    """Whatever becomes of one object does not end the run."""

    async def work(_: Entry) -> Outcome:
        raise error

    assert await tested.attempt(work, Entry("k", 5)) == Outcome(verdict, 5, 5, reason, label)


async def test_a_store_that_was_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that the store did not answer for is tried three times in all."""
    monkeypatch.setattr(tested, "_PAUSES_S", (0.0, 0.0))
    times = []

    async def work(entry: Entry) -> Outcome:
        times.append(entry)
        if len(times) < 3:
            raise S3Error("ServiceUnavailable")
        return Outcome.same("seen", entry.size)

    assert (await tested.attempt(work, Entry("k", 5))).verdict == "seen"

    async def never(_: Entry) -> Outcome:
        raise S3Error("ServiceUnavailable")

    failed = await tested.attempt(never, Entry("k", 5))
    assert (failed.verdict, failed.label) == ("failed", "store unavailable")


async def test_a_full_disk_ends_the_run(tmp_path: Path) -> None:
    """When the log cannot be written, the run ends with that very error."""

    async def work(_: Entry) -> Outcome:
        raise OSError(28, "No space left on device")

    with (
        Journal.begin(tmp_path / "log", _SUBJECT) as journal,
        pytest.raises(OSError, match="No space left"),
    ):
        await tested.run(_two(), work, journal, jobs=2)


def test_the_table_sums_up() -> None:
    """The table has a line for each verdict, and the last one is of all."""
    totals = Totals()
    for outcome in (Outcome("made small", 1000, 250), Outcome.same("stays", 500)):
        totals.add(outcome)
    rows = [line.split() for line in totals.table().splitlines()]
    assert rows[1] == ["made", "small", "1", "1,000", "250", "75.0", "%"]
    assert rows[-1] == ["in", "all", "2", "1,500", "750", "50.0", "%"]
    assert Totals().table().splitlines()[-1].split() == ["in", "all", "0", "0", "0", "0.0", "%"]
