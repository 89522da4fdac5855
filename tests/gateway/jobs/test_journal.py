import json
from pathlib import Path

import pytest

from gateway.jobs.journal import Journal, JournalError, Subject
from gateway.jobs.listing import Entry, Window
from gateway.jobs.outcome import FAILED, Outcome

_SUBJECT: Subject = {"tool": "optimize", "bucket": "b", "prefix": "", "dry_run": False}
_SMALL = Outcome("made small", 10, 4)
_BAD = Outcome.same(FAILED, 10, "why")


def _written(path: Path) -> None:
    """Write a log: a whole window with a failure, and the beginning of the next one."""
    with Journal.begin(path, _SUBJECT) as journal:
        journal.add("a\n\udc80", _SMALL)
        journal.add("b", _BAD)
        journal.close_window(Window(last="c"))
        journal.add("d", _SMALL)
        journal.add("e", _BAD)


def test_what_is_done_is_known_again(tmp_path: Path) -> None:
    """A resumed run knows totals, position, finished objects, and those to retry first."""
    _written(tmp_path / "log")
    with Journal.resume(tmp_path / "log", _SUBJECT) as journal:
        assert journal.progress.after == "c"
        assert journal.again() == [Entry("b", 10)]
        assert [journal.is_done(key) for key in "def"] == [True, False, False]
        assert list(journal.totals) == [(FAILED, 2), ("made small", 2)]
        for key in "be":
            journal.add(key, _SMALL)
        assert list(journal.totals) == [(FAILED, 0), ("made small", 4)]
        assert (journal.totals.saved, journal.totals.failed) == (24, 0)


def test_a_failure_is_tried_again_in_every_run(tmp_path: Path) -> None:
    """What fails again in a resumed run is tried again in the next one."""
    _written(tmp_path / "log")
    for _ in range(2):
        with Journal.resume(tmp_path / "log", _SUBJECT) as journal:
            assert journal.again() == [Entry("b", 10)]
            journal.add("b", _BAD)


def test_any_torn_end_is_cut_off(tmp_path: Path) -> None:
    """Cut at any byte, a log goes on from its last whole line, and stays readable."""
    _written(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(len(whole)):
        path = tmp_path / "cut"
        path.write_bytes(whole[:end])
        if end < first:
            with pytest.raises(JournalError, match="start again"):
                Journal.resume(path, _SUBJECT)
            continue
        with Journal.resume(path, _SUBJECT) as journal:
            journal.add("z", _SMALL)
        lines = path.read_bytes().splitlines()
        assert whole[:end].count(b"\n") + 1 == len(lines)
        assert [json.loads(line) for line in lines][-1]["key"] == "z"


@pytest.mark.parametrize(
    "line", ["x", "[]", "{}", '{"event": "object", "key": "k"}', '{"event": 1} ' * 9000]
)
def test_damage_is_refused(tmp_path: Path, line: str) -> None:
    """A log that is damaged before its end is not gone on from, and is left as it is."""
    _written(tmp_path / "log")
    whole = (tmp_path / "log").read_text().splitlines()
    damaged = "\n".join([*whole[:2], line, *whole[2:], ""])
    (tmp_path / "log").write_text(damaged)
    with pytest.raises(JournalError, match="damaged after byte"):
        Journal.resume(tmp_path / "log", _SUBJECT)
    assert damaged == (tmp_path / "log").read_text()


@pytest.mark.parametrize("change", [{"bucket": "other"}, {"dry_run": True}, {"tool": "drain"}])
def test_another_run_does_not_go_on(tmp_path: Path, change: Subject) -> None:
    """Only the run that began a log goes on with it."""
    _written(tmp_path / "log")
    with pytest.raises(JournalError, match="another run"):
        Journal.resume(tmp_path / "log", {**_SUBJECT, **change})


def test_logs_are_not_mixed(tmp_path: Path) -> None:
    """A log that is there is not begun anew, one that is not is not gone on with."""
    with pytest.raises(JournalError, match="omit --resume"):
        Journal.resume(tmp_path / "log", _SUBJECT)
    with Journal.begin(tmp_path / "log", _SUBJECT):
        with pytest.raises(JournalError, match="--resume"):
            Journal.begin(tmp_path / "log", _SUBJECT)
        with pytest.raises(JournalError, match="another run"):
            Journal.resume(tmp_path / "log", _SUBJECT)
