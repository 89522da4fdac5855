import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests import tiers

_CHECKOUT: Final = tiers.ROOT.parent
_LARGE: Final = re.compile(r"tests\.servers\.(?:browser|ceph) import .*\b(?:chromium|rgw_server)\b")


def _registered() -> set[str]:
    settings = tomllib.loads((_CHECKOUT / "pyproject.toml").read_text())["tool"]["pytest"]
    return {line.partition(":")[0] for line in settings["ini_options"]["markers"]}


@pytest.mark.parametrize(
    ("path", "fixtures", "params", "expected"),
    [
        ("codec/test_a.py", ["tmp_path"], {}, []),
        ("test_operations.py", ["upstream", "s3"], {"upstream": "moto"}, []),
        ("test_operations.py", ["upstream", "s3"], {"upstream": "rgw"}, ["ceph"]),
        ("codec/test_a.py", ["rgw"], {}, ["ceph"]),
        ("eval/test_a.py", ["browser", "chromium_process"], {}, ["browser"]),
        ("e2e/test_a.py", ["moto"], {}, ["e2e"]),
        ("e2e/deeper/test_a.py", ["rgw"], {}, ["ceph", "e2e"]),
        ("clients/test_a.py", ["upstream"], {"upstream": "rgw"}, ["ceph", "client"]),
    ],
)
def test_fixtures_and_folders_mark(
    path: str, fixtures: list[str], params: Mapping[str, object], expected: list[str]
) -> None:
    """What a test uses, and where it lies, decides about its tier."""
    assert [*tiers.markers(tiers.ROOT / path, fixtures, params)] == expected


def test_files_elsewhere_have_no_folder() -> None:
    """A test file from outside has the markers of its fixtures alone."""
    assert [*tiers.markers(Path("/elsewhere/e2e/test_a.py"), ["rgw"], {})] == ["ceph"]


def test_every_test_of_this_run_is_marked(request: pytest.FixtureRequest) -> None:
    """Each collected test has the markers of what it uses and of where it lies."""
    for item in request.session.items:
        assert isinstance(item, pytest.Function)
        params = item.callspec.params if hasattr(item, "callspec") else {}
        wanted = {*tiers.markers(item.path, item.fixturenames, params)}
        assert wanted - {marker.name for marker in item.iter_markers()} == set(), item.nodeid


@pytest.mark.parametrize("fixture", tiers.OF_FIXTURES)
def test_large_programs_need_their_marker(fixture: str, request: pytest.FixtureRequest) -> None:
    """A test without the marker of a large program cannot start it by its name alone."""
    with pytest.raises(pytest.fail.Exception, match="name the fixture as an argument"):
        request.getfixturevalue(fixture)


def test_large_programs_are_started_by_fixtures() -> None:
    """No test file starts Ceph or a browser past the fixture that marks its tests."""
    files = {str(file.relative_to(_CHECKOUT)): file for file in tiers.ROOT.rglob("test_*.py")}
    found = [name for name, file in files.items() if _LARGE.search(file.read_text())]
    assert found == []


def test_each_marker_has_a_tier() -> None:
    """``make test`` names every marker that is registered, so that a new one is not forgotten."""
    makefile = (_CHECKOUT / "Makefile").read_text()
    named = re.findall(r"^(?:heavy|elsewhere) := (.*)$", makefile, re.MULTILINE)
    assert {"e2e", *" or ".join(named).split(" or ")} == _registered()
    assert {*tiers.OF_FIXTURES.values(), *tiers.OF_FOLDERS.values()} <= _registered()
