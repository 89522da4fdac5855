import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
PINNED = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+]*(; [a-z0-9_!=" ]+)?')


def _lines(name: str) -> list[str]:
    return (ROOT / name).read_text().splitlines()


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_versions_only(name: str) -> None:
    """A lock names packages, versions and platforms: no address, no option, no path."""
    assert [line for line in _lines(name) if not PINNED.fullmatch(line)] == []
    assert _lines(name)


@pytest.mark.parametrize("name", LOCKS)
def test_locks_are_sorted_and_distinct(name: str) -> None:
    """Each package stands in a lock once, in a place that does not depend on who wrote it."""
    packages = [line.partition("==")[0].lower() for line in _lines(name)]
    assert len(packages) == len(set(packages))
    assert sorted(_lines(name), key=str.lower) == _lines(name)


def test_run_time_versions_are_the_tested_ones() -> None:
    """Containers install the packages that the tests ran with."""
    assert set(_lines("requirements.lock")) - set(_lines("requirements-dev.lock")) == set()
