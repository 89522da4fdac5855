import re
import sys
from pathlib import Path

import pytest
from defusedxml import ElementTree

from bench import terminal

_SVG = "{http://www.w3.org/2000/svg}"
_README = Path(__file__).parents[2] / "docs/demo.svg"


def _delays(picture: str) -> list[float]:
    return [float(each) for each in re.findall(r"animation-delay:([\d.]+)s", picture)]


def test_lines_appear_in_order(tmp_path: Path) -> None:
    """The picture has the command and what it printed, as text, one line after the other."""
    out = tmp_path / "terminal.svg"
    program = "print('one  <b>'); print(); print('& two')"
    assert terminal.main(["--out", str(out), "--", sys.executable, "-c", program]) == 0
    texts = [each.text for each in ElementTree.parse(out).iter(f"{_SVG}text")]
    assert texts[1:] == ["one  <b>", "& two"]
    assert (texts[0] or "").startswith(f"$ {sys.executable}")
    delays = _delays(out.read_text())
    assert delays == sorted(delays)


def test_long_runs_are_shown_faster() -> None:
    """An hour takes as long as twelve seconds; shorter runs keep their pace."""
    lines = [terminal.Line(1800, "half"), terminal.Line(3600, "all")]
    assert _delays(terminal.drawn("x", lines)) == [0, 7, 13]
    assert _delays(terminal.drawn("x", [terminal.Line(2, "all")])) == [0, 3]


def test_a_command_that_fails_is_not_drawn(tmp_path: Path) -> None:
    """Its exit status is passed on."""
    out = tmp_path / "terminal.svg"
    failing = [sys.executable, "-c", "raise SystemExit(3)"]
    assert terminal.main(["--out", str(out), "--", *failing]) == 3
    assert not out.exists()


@pytest.mark.parametrize("line", ["$ make demo", "0 below floor, 0 failed", "Next:"])
def test_the_picture_of_the_demo_is_whole(line: str) -> None:
    """It shows the command, the result and what to do next."""
    assert line in _README.read_text()
