"""Record a command as a picture of its terminal: ``python -m bench.terminal``.

It runs ``make demo`` and draws docs/demo.svg, in which lines appear one after the other as they
were printed, but faster. Where people want no motion, all are there at once.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

_FILE: Final = Path("docs/demo.svg")
_COMMAND: Final = ("make", "demo")
_DURATION_S: Final = 12.0
_TYPING_S: Final = 1.0
_COLUMN_PX: Final = 7.0
_LINE_PX: Final = 16
_MARGIN_PX: Final = 16
_STYLE: Final = (
    "rect{fill:#16181d}"
    "text{fill:#d8dce4;font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "white-space:pre}"
    ".prompt{fill:#8fd18f}"
    "@keyframes print{to{opacity:1}}"
    "@media (prefers-reduced-motion:no-preference)"
    "{text{opacity:0;animation:print 1ms linear forwards}}"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was printed.

    Attributes:
        at_s: time since the start, seconds.
        text: the line, without its end.
    """

    at_s: float
    text: str


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; the exit status of the command if it failed: nothing is drawn then.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.terminal", description=__doc__)
    parser.add_argument("command", nargs="*", default=_COMMAND, metavar="COMMAND")
    parser.add_argument("--out", type=Path, default=_FILE)
    options = parser.parse_args(arguments)
    status, lines = recorded(options.command)
    if status:
        return status
    options.out.write_text(drawn(" ".join(options.command), lines))
    sys.stdout.write(f"{options.out}: {len(lines)} lines, {lines[-1].at_s:.0f} s\n")
    return 0


def recorded(command: Sequence[str]) -> tuple[int, list[Line]]:
    """Run a command; return its exit status, and what it printed on both outputs."""
    began = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        lines = [
            Line(time.monotonic() - began, text.rstrip("\n").expandtabs())
            for text in process.stdout or ()
        ]
    return process.returncode, lines


def drawn(command: str, lines: Sequence[Line]) -> str:
    """Draw an SVG file.

    Args:
        command: what was typed.
        lines: what it printed, in order.
    """
    speed = _DURATION_S / max(lines[-1].at_s, _DURATION_S) if lines else 1.0
    rows = [(0.0, f"$ {command}"), *((_TYPING_S + each.at_s * speed, each.text) for each in lines)]
    columns = max(len(text) for _, text in rows)
    width = columns * _COLUMN_PX + 2 * _MARGIN_PX
    height = len(rows) * _LINE_PX + 2 * _MARGIN_PX
    texts = (_text(number, *row) for number, row in enumerate(rows) if row[1])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">\n'
        f"<title>Terminal: {escape(command)}</title>\n<style>{_STYLE}</style>\n"
        f'<rect width="{width:g}" height="{height:g}" rx="8"/>\n{"".join(texts)}</svg>\n'
    )


def _text(row: int, at_s: float, text: str) -> str:
    y = _MARGIN_PX + row * _LINE_PX + 12
    kind = "" if row else ' class="prompt"'
    # The length keeps columns aligned whatever font there is.
    return (
        f'<text{kind} x="{_MARGIN_PX}" y="{y}" textLength="{len(text) * _COLUMN_PX:g}" '
        f'style="animation-delay:{at_s:.2f}s">{escape(text)}</text>\n'
    )


if __name__ == "__main__":
    raise SystemExit(main())
