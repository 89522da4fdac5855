import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from slimgate.config import Ledger as LedgerSettings
from slimgate.gateway.admin.history_view import DAYS, histories, history
from slimgate.gateway.admin.playground.problems import problem
from slimgate.gateway.admin.savings import Saving
from slimgate.gateway.telemetry.bucket_savings import MAX_BUCKETS, OTHERS
from slimgate.gateway.telemetry.counting_ledger import CountingLedger
from slimgate.gateway.telemetry.ledger import Line
from slimgate.gateway.telemetry.savings_history import Key, Saved, SavingsHistory


def _at(path: Path, day: int = 2) -> SavingsHistory:
    return SavingsHistory(str(path), lambda: datetime(2026, 3, day, 23, tzinfo=UTC))


async def test_counts_survive_restarts(tmp_path: Path) -> None:
    """What processes counted one after another, or beside each other, is summed in the file."""
    path = tmp_path / "new" / "savings.sqlite"
    first, second = _at(path), _at(path)
    for each in (first, second, first):
        each.note("photos", "recode", 100, 30)
    await first.flush()
    await second.flush()
    later = _at(path, day=3)
    later.note("photos", "downscale", 50, 5)
    assert await later.rows() == {
        Key("2026-03-02", "optimize", "photos", "recode"): Saved(3, 300, 90),
        Key("2026-03-03", "optimize", "photos", "downscale"): Saved(1, 50, 5),
    }
    # It names buckets.
    assert [each.stat().st_mode & 0o777 for each in (path, path.parent)] == [0o600, 0o700]


async def test_shadow_policies_are_counted_apart(tmp_path: Path) -> None:
    """The ledger counts what would be stored small, without a file of its own, and nothing else."""
    kept = _at(tmp_path / "savings.sqlite")
    ledger = CountingLedger(LedgerSettings(), kept)
    line: Line = {"policy": "p", "bucket": "b", "key": "k", "uploaded_bytes": 10, "stored_bytes": 4}
    ledger.write({**line, "tier": "recode"})
    ledger.write({**line, "tier": "plain"})
    assert await kept.rows() == {Key("2026-03-02", "shadow", "b", "recode"): Saved(1, 10, 4)}


async def test_buckets_are_bounded(tmp_path: Path) -> None:
    """Beyond a number of buckets all others are counted together."""
    kept = _at(tmp_path / "savings.sqlite")
    for number in range(MAX_BUCKETS + 2):
        kept.note(str(number), "recode", 10, 4)
    rows = await kept.rows()
    assert len(rows) == MAX_BUCKETS + 1
    assert rows[Key("2026-03-02", "optimize", OTHERS, "recode")] == Saved(2, 20, 8)


async def test_what_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    """A disk that fails loses no counts, and fills no log."""
    (tmp_path / "file").touch()
    kept = _at(tmp_path / "file" / "savings.sqlite")
    kept.note("b", "recode", 10, 4)
    with capture_logs() as logs:
        await kept.flush()
        await kept.flush()
    assert [line["event"] for line in logs] == ["savings not written"]
    (tmp_path / "file").unlink()
    assert len(await kept.rows()) == 1


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """The page names what has to be done."""
    path = tmp_path / "savings.sqlite"
    path.write_bytes(b"no database, but longer than the header of one: " * 10)
    with pytest.raises(sqlite3.DatabaseError) as failure:
        await histories(SavingsHistory(str(path)))
    found = problem(failure.value)
    assert found is not None
    assert "admin.history" in found[1]


def test_a_history_has_sums_and_bars() -> None:
    """Days without images have empty bars; sums are by bucket and tier, of one mode alone."""
    rows = {
        Key("2026-03-01", "optimize", "a", "recode"): Saved(1, 100, 50),
        Key("2026-03-03", "optimize", "b", "recode"): Saved(2, 40, 15),
        Key("2026-03-03", "shadow", "a", "recode"): Saved(1, 9, 1),
    }
    found = history(rows, "optimize", date(2026, 3, 3))
    assert found is not None
    assert (found.since, found.total) == ("2026-03-01", Saving(140, 65, 3))
    assert list(found.buckets) == ["a", "b"]
    assert found.tiers == {"recode": Saving(140, 65, 3)}
    assert len(found.bars) == DAYS
    assert [bar.height for bar in found.bars[-3:]] == [1.0, 0.0, 0.5]
    assert history({}, "optimize", date(2026, 3, 3)) is None
