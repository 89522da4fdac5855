import json
from pathlib import Path
from typing import Final

import pytest

from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Ledger as LedgerSettings
from slimgate.gateway.jobs.ledgers import summary
from slimgate.gateway.optimize.shadow_log import staying
from slimgate.gateway.telemetry.ledger import Ledger, Line

_SMALL: Final = Refused(Reason.SMALL)
_TIMEOUTS: Final = [
    Refused(Reason.TIMEOUT, f"{seconds:g} s of wall-clock time") for seconds in (120, 3.5)
]


def _write(path: Path) -> None:
    ledger = Ledger(LedgerSettings(path=str(path)))
    nothing: Line = {"stored_bytes": 20, "label": None, "reason": None}
    ledger.write({**staying("a", ("b", "k"), 100, _SMALL), **nothing})
    for why in (*_TIMEOUTS, Refused(Reason.DAMAGED, "OSError")):
        ledger.write(staying("a", ("b", "k"), 100, why))
    ledger.write(staying("z", ("b", "k"), None, Refused(Reason.BUFFERS)))


def test_reasons_are_summed_up_by_class(tmp_path: Path) -> None:
    """Per policy there are totals, and reasons of one label count together."""
    _write(tmp_path / "ledger")
    assert summary([tmp_path / "ledger"]).splitlines() == [
        "a: 4 uploads, 1 would be small: 400 bytes become 320 (20.0 % saved)",
        "          2  stopped: it took too long",
        "          1  cannot be decoded",
        "z: 1 uploads, 0 would be small: 0 bytes become 0 (0.0 % saved)",
        "          1  too many uploads at once",
    ]


def test_ledgers_without_labels_are_summed_up(tmp_path: Path) -> None:
    """Reasons without a label, of earlier versions, count together if only particulars differ."""
    _write(tmp_path / "ledger")
    lines = [json.loads(line) for line in (tmp_path / "ledger").read_text().splitlines()]
    earlier = [{name: line[name] for name in line if name != "label"} for line in lines]
    assert earlier != lines
    (tmp_path / "earlier").write_text("".join(f"{json.dumps(line)}\n" for line in earlier))
    today = summary([tmp_path / "ledger"])
    by_text = today.replace("stopped: it took too long", "stopped after … s of wall-clock time")
    assert summary([tmp_path / "earlier"]) == by_text


def test_files_are_summed_up_together(tmp_path: Path) -> None:
    """A rotated ledger and its successor count as one; a torn last line does not count."""
    _write(tmp_path / "ledger.1")
    _write(tmp_path / "ledger")
    with (tmp_path / "ledger").open("a") as file:
        file.write('{"policy": "a"')
    assert summary([tmp_path / "ledger.1", tmp_path / "ledger"]).startswith("a: 8 uploads, 2 would")


@pytest.mark.parametrize(
    "line", ["x", "[]", "{}", '{"policy": 1}', json.dumps({"policy": "a", "uploaded_bytes": "1"})]
)
def test_other_files_are_refused(tmp_path: Path, line: str) -> None:
    """A file that is no ledger is said to be none, with the place."""
    _write(tmp_path / "ledger")
    with (tmp_path / "ledger").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(ValueError, match=r"is no ledger: byte \d+"):
        summary([tmp_path / "ledger"])
