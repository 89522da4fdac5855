"""Errors in a configuration and their locations.

    ConfigError        the configuration is invalid
      .problems        every problem found, each with file and line or variable

Errors never contain values of the configuration, so they cannot leak a secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Path = tuple[str | int, ...]

MAX_PROBLEMS: Final = 50
_MAX_SHOWN: Final = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why the configuration is invalid.

    Attributes:
        source: file name as passed by the caller, or environment variable.
        line: line in the file, from 1; None for a variable or the whole file.
        path: setting, such as `policies[0].tiers[1]`; empty for the whole configuration.
        reason: what is wrong and what is accepted.
    """

    source: str
    line: int | None
    path: str
    reason: str

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        return ": ".join(part for part in (where, self.path, self.reason) if part)


class ConfigError(Exception):
    """The configuration is invalid; the text lists every problem, one per line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = _bounded(tuple(problems))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def show_path(path: Path) -> str:
    """Return a path as text, such as `policies[0].tiers[1]`, bounded and printable."""
    text = ""
    for step in path:
        dot = "." if text else ""
        text += f"[{step}]" if isinstance(step, int) else f"{dot}{_shown(step)}"
    return text


def _shown(key: str) -> str:
    # A key is arbitrary text: control characters and lone surrogates must not reach a log.
    short = key if len(key) <= _MAX_SHOWN else f"{key[:_MAX_SHOWN]}…"
    return short if short.isprintable() else ascii(short)


def _bounded(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    if len(problems) <= MAX_PROBLEMS:
        return problems
    last = Problem(problems[MAX_PROBLEMS].source, None, "", "and more problems like these")
    return (*problems[:MAX_PROBLEMS], last)
