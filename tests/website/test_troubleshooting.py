import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests import documents

_LEVELS = {"warning", "error", "exception", "critical"}
_BY_PROCESS = {f"engine process {what}" for what in ("lost", "hung", "not replaced")}
"""Events that carry the name of a process."""

_IN_VARIABLES = {
    "credentials file not reloaded: the old credentials stay",
    "upstream credentials not obtained",
}


def _sources() -> Iterator[Path]:
    yield from sorted((documents.ROOT / "gateway").rglob("*.py"))


def _events(path: Path) -> Iterator[str]:
    """Yield the literal events of warnings and errors that a module logs."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="_log"), attr=level),
                args=[ast.Constant(value=str(event)), *_],
            ) if level in _LEVELS:
                yield event


def test_every_warning_and_error_of_the_log_is_explained() -> None:
    """The table has the events that the gateway logs, and no others."""
    table = documents.text("docs/troubleshooting.md").partition("## By log line")[2]
    rows = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    logged = {event for path in _sources() for event in _events(path)}
    assert set(rows) == logged | _BY_PROCESS | _IN_VARIABLES
    assert len(rows) == len(set(rows))


def test_events_that_are_not_literal_are_in_the_sources() -> None:
    """What the table takes from variables is what the code says."""
    text = "".join(path.read_text("utf-8") for path in _sources())
    assert [event for event in _IN_VARIABLES if f'"{event}"' not in text] == []
    assert all(f"process {what}" in text for what in ("lost", "hung", "not replaced"))
