"""Golden objects stay what each release has stored."""

import hashlib
import json
import tomllib
from importlib import resources
from pathlib import Path

from slimgate.codec import golden
from tests import documents

_RECORDED: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("golden_releases.json").read_text()
)
"""SHA-256 of files of golden objects, by the release that was the first to store such."""


def test_objects_of_every_release_are_kept_unchanged() -> None:
    """Each file is as it was recorded with its release, and each is recorded."""
    files = [each for each in resources.files(golden).iterdir() if each.is_file()]
    kept = [each for each in files if not each.name.endswith((".py", ".pyc"))]
    found = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in kept}
    recorded = [name for release in _RECORDED.values() for name in release]
    assert sorted(recorded) == sorted(found)
    assert {name: digest for each in _RECORDED.values() for name, digest in each.items()} == found


def test_this_release_has_objects() -> None:
    """What the version of today stores is among them."""
    version = tomllib.loads(documents.text("pyproject.toml"))["project"]["version"]
    assert _RECORDED[version]
