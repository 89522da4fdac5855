import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(file.name for file in ROOT.glob("requirements*.lock"))
PINNED = re.compile(r"([a-z0-9][a-z0-9-]*==[0-9][a-z0-9.!]*)( ; [a-z0-9_!=' ]+)? \\")
DIGEST = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def _packages(name: str) -> dict[str, list[str]]:
    """Return the digests of each package, by its name and version."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if pinned := PINNED.fullmatch(line):
            found[pinned[1]] = []
        else:
            assert DIGEST.fullmatch(line), line
            found[list(found)[-1]].append(line.strip(" \\"))
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_versions_and_digests_only(name: str) -> None:
    """A lock names packages, versions, platforms and digests: no address, no option, no path."""
    assert [package for package, digests in _packages(name).items() if not digests] == []
    assert _packages(name)


@pytest.mark.parametrize("name", LOCKS)
def test_locks_are_sorted_and_distinct(name: str) -> None:
    """Each package stands in a lock once, in a place that does not depend on who wrote it."""
    packages = [each.partition("==")[0] for each in _packages(name)]
    assert packages == sorted(set(packages))


def test_run_time_versions_are_the_tested_ones() -> None:
    """Containers install the packages that the tests ran with."""
    tested = _packages("requirements-dev.lock")
    run = _packages("requirements.lock")
    assert {package: tested.get(package) for package in run} == run
