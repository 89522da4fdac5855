"""Follow a document word by word: its commands in one shell, and what it says they print."""

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests import documents
from tests.servers.gateway import environment

MARK: Final = "  # not run in CI"
"""How the lines of a document end that only a reader runs."""

_STEP: Final = re.compile(
    r"^```sh\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL
)
_TIMEOUT_S: Final = 1800
_TOLERANCE: Final = 0.1
_BETWEEN: Final = "@@ slimgate tutorial @@"


@dataclass(frozen=True, slots=True)
class Step:
    """A block of commands, and the lines right below it that they print.

    Attributes:
        commands: Lines for a shell.
        printed: What the document shows; ``…`` stands for anything. None: nothing is shown.
        seconds: How long it took; 0 before it ran.
        output: What it printed.
    """

    commands: str
    printed: str | None
    seconds: float = 0
    output: str = ""

    def as_printed(self, about: Sequence[str] = ()) -> bool:
        """Return whether the output is what the document shows.

        Args:
            about: Numbers in it that versions of encoders change; a tenth more or less will do.
        """
        if self.printed is None:
            return True
        pattern = re.escape(self.printed.strip()).replace(re.escape("…"), ".*")
        for number in about:
            pattern = pattern.replace(re.escape(number), r"([0-9.]+)")
        found = re.fullmatch(pattern, self.output.strip())
        shown = re.findall("|".join(map(re.escape, about)) or "$^", self.printed)
        return found is not None and all(
            abs(float(now) / float(then) - 1) <= _TOLERANCE
            for now, then in zip(found.groups(), shown, strict=True)
        )


def steps(document: str) -> list[Step]:
    """Return the steps of a document."""
    found = _STEP.finditer(documents.text(document))
    return [Step(each[1], each[2]) for each in found]


def follow(document: str, folder: Path, exports: Mapping[str, str], *, marked: bool) -> list[Step]:
    """Run all commands of a document in one shell, and return the steps with what they printed.

    Args:
        document: Name of the document.
        folder: Working directory of the shell.
        exports: Values for variables in place of those that the document exports; ``PATH``.
        marked: Run the lines that CI leaves out, too.

    Raises:
        AssertionError: A command failed.
    """
    planned = [_with(each, exports, marked=marked) for each in steps(document)]
    ends = f'printf "%s %s\\n" "{_BETWEEN}" "$(date +%s.%N)"\n'
    script = "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n" + ends + ends.join(planned) + ends
    started = time.time()
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=folder,
        env={**environment(), "PATH": exports.get("PATH", os.environ["PATH"])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"after {time.time() - started:.0f} s:\n{done.stdout}"
    return _measured(steps(document), done.stdout)


def _with(step: Step, exports: Mapping[str, str], *, marked: bool) -> str:
    """Return the commands of a step with other values of its variables."""
    lines = [line for line in step.commands.splitlines() if marked or not line.endswith(MARK)]
    text = "\n".join(lines) + "\n"
    for name, value in exports.items():
        text = re.sub(rf"(?<= {name}=)[^ $\n]+", value.replace("\\", r"\\"), text)
    return text


def _measured(planned: list[Step], output: str) -> list[Step]:
    parts = output.split(_BETWEEN)[1:]
    times = [float(part.split(maxsplit=1)[0]) for part in parts]
    texts = [part.partition("\n")[2] for part in parts]
    return [
        Step(step.commands, step.printed, times[n + 1] - times[n], texts[n])
        for n, step in enumerate(planned)
    ]
