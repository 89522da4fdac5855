import json
import re

import pytest

from slimgate.cli import main
from slimgate.codec.encoders.registry import NAMES


def test_versions_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Every codec of renditions has a library with a version."""
    assert main(["version", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["manifest"] == 1
    assert found["codecs"].keys() >= set(NAMES) - {"lepton"}
    assert [each for each in found["codecs"].values() if not re.search(r"\d+\.\d+", each)] == []
    assert {"Pillow", "numpy", "openvino"} <= found["packages"].keys()


def test_versions_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The first line is that of ``--version``."""
    assert main(["version"]) == 0
    long = capsys.readouterr().out.splitlines()
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.splitlines() == long[:1]
