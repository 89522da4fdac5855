"""What a release has named stays: settings, metrics and commands."""

import json
from pathlib import Path

from slimgate.config.describe import rows
from slimgate.gateway.telemetry import metrics
from tests.cli.parsers import parsers

_RECORDED: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("stable_names.json").read_text()
)
"""Names by release and kind; a release records what it has, and nothing is removed."""


def _current() -> dict[str, set[str]]:
    commands = {
        f"{words} {option}"
        for words, made in parsers().items()
        for action in made._actions
        for option in action.option_strings
    }
    return {
        "settings": {row.key for row in rows()},
        "metrics": {each.name for each in metrics.REGISTRY.collect()},
        "commands": {*parsers(), *commands},
    }


def test_names_of_releases_stay() -> None:
    """Each recorded name exists; a major version may record its names anew."""
    current = _current()
    for release, kinds in _RECORDED.items():
        for kind, names in kinds.items():
            assert sorted(set(names) - current[kind]) == [], f"{kind} of {release} are gone"


def test_this_release_is_recorded() -> None:
    """There are names of every kind."""
    assert all(kinds.keys() == _current().keys() for kinds in _RECORDED.values())
    assert all(names for kinds in _RECORDED.values() for names in kinds.values())
