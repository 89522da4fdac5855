"""Decide which tier a test belongs to, by what it uses and by where it lies.

``make test`` runs what has none of these markers. ``make test-all`` runs everything. A test gets
the marker of a fixture by using it, and that of a folder by lying in it; the others (``soak``,
``crash``, ``flood``, ``memory``, ``slow``) stand in the test files, as ``pytestmark`` or at single
tests.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent

OF_FIXTURES: Final[Mapping[str, str]] = {"rgw": "ceph", "chromium_process": "browser"}
"""Fixtures that start a large program, and the marker of what uses them."""

OF_FOLDERS: Final[Mapping[str, str]] = {"e2e": "e2e", "clients": "client", "deploy": "deploy"}
"""Folders below ``tests/``, and the marker of what lies in them."""


def markers(path: Path, fixtures: Collection[str], params: Mapping[str, object]) -> Iterator[str]:
    """Name the markers that a test has by itself.

    Args:
        path: The test file.
        fixtures: Names of all fixtures that the test uses, directly or through others.
        params: Parameters of the test. The fixture ``upstream`` starts the server it is given.
    """
    for fixture, marker in OF_FIXTURES.items():
        if fixture in fixtures or params.get("upstream") == fixture:
            yield marker
    folder = path.relative_to(ROOT).parts[0] if path.is_relative_to(ROOT) else ""
    if folder in OF_FOLDERS:
        yield OF_FOLDERS[folder]


def mark(items: Collection[pytest.Item]) -> None:
    """Add the markers of fixtures and folders to collected tests."""
    for item in items:
        if isinstance(item, pytest.Function):
            params = item.callspec.params if hasattr(item, "callspec") else {}
            for name in markers(item.path, item.fixturenames, params):
                item.add_marker(name)


def check_marker(marker: str, item: pytest.Item) -> None:
    """Fail a test that starts a large program without its marker, by ``getfixturevalue``."""
    if item.get_closest_marker(marker) is None:
        pytest.fail(f"{item.nodeid} needs the marker {marker!r}: name the fixture as an argument")
