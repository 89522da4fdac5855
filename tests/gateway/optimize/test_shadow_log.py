import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Ledger as LedgerSettings
from slimgate.gateway.optimize.shadow_log import staying
from slimgate.gateway.telemetry.ledger import Ledger


def _ledger(path: Path | None, max_bytes: int = 4096) -> Ledger:
    return Ledger(LedgerSettings(path=None if path is None else str(path), max_bytes=max_bytes))


def _line(index: int) -> dict[str, str | int | float | None]:
    return dict(staying("shadow", ("bucket", f"k{index}\n\udc80"), index, Refused(Reason.SMALL)))


def _keys(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


def test_lines_are_written_at_once(tmp_path: Path) -> None:
    """Each line is in the file when the call returns, whatever the key looks like."""
    ledger = _ledger(tmp_path / "ledger")
    for index in range(3):
        ledger.write(_line(index))
        assert [f"k{n}\n\udc80" for n in range(index + 1)] == _keys(tmp_path / "ledger")


def test_the_file_is_bounded(tmp_path: Path) -> None:
    """A full file is moved aside, in place of an earlier one, and no line is torn."""
    ledger, path = _ledger(tmp_path / "ledger"), tmp_path / "ledger"
    for index in range(100):
        ledger.write(_line(index))
    old = path.with_name("ledger.1")
    assert set(tmp_path.iterdir()) == {path, old}
    assert max(path.stat().st_size, old.stat().st_size) <= 4096
    kept = _keys(old) + _keys(path)
    assert [f"k{n}\n\udc80" for n in range(100 - len(kept), 100)] == kept


def test_failures_are_logged_once(tmp_path: Path) -> None:
    """A ledger that cannot be written is told once, and again after it worked in between."""
    folder = tmp_path / "folder"
    ledger = _ledger(folder / "ledger")
    with capture_logs() as logs:
        for _ in range(3):
            ledger.write(_line(0))
        folder.mkdir()
        ledger.write(_line(1))
        (folder / "ledger").unlink()
        folder.rmdir()
        ledger.write(_line(2))
    assert [line["event"] for line in logs] == ["ledger not written"] * 2


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No path, no ledger."""
    monkeypatch.chdir(tmp_path)
    _ledger(None).write(_line(0))
    assert list(tmp_path.iterdir()) == []
