import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from slimgate.cli import main
from slimgate.config import json_schema
from tests.documents import ROOT

_VALID: dict[str, Any] = yaml.safe_load((ROOT / "config/example.yaml").read_text("utf-8"))


def test_example_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A validator of others accepts the schema, and our configurations by it."""
    assert main(["schema"]) == 0
    file = tmp_path / "slimgate.schema.json"
    file.write_text(capsys.readouterr().out)
    tool = [sys.executable, "-m", "check_jsonschema"]
    files = ["config/example.yaml", "config/compose/slimgate.yaml"]
    for words in (["--check-metaschema", str(file)], ["--schemafile", str(file), *files]):
        done = subprocess.run(
            [*tool, *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("section", "change", "is_valid"),
    [
        ("engine", {"worker_memory": "6GiB"}, True),
        ("engine", {"worker_memory": 6 * 2**30}, True),
        ("engine", {"worker_memory": "6 GiB"}, False),
        ("engine", {"worker_memory": "6gib"}, False),
        ("engine", {"max_pixels_in_flight": "100MP"}, True),
        ("engine", {"max_pixels_in_flight": "100MiB"}, False),
        ("engine", {"workers": 4}, True),
        ("engine", {"workers": "four"}, False),
        ("engine", {"wrokers": 4}, False),
        ("cache", {"max_bytes": -1}, False),
        ("upstream", {"endpoint": None}, False),
        ("policies", [{"name": "a", "bucket": "a", "mode": "optimize", "guards": "off"}], True),
        ("policies", [{"name": "a", "bucket": "a", "mode": "on"}], False),
        ("policies", [{"name": "a", "bucket": "a"}], False),
        ("credentials", [{"access_key": "AKIA"}], True),
        ("credentials", [{"secret_key": "x"}], False),
    ],
)
def test_what_editors_accept(section: str, change: Any, *, is_valid: bool) -> None:
    """Sizes may be numbers or text with a unit; secrets may come from elsewhere."""
    value = {**_VALID[section], **change} if isinstance(change, dict) else change
    validator = Draft202012Validator(json_schema())
    assert validator.is_valid({**_VALID, section: value}) == is_valid


def test_every_setting_is_described() -> None:
    """Each setting of each group has a description; secrets have no default but null."""
    schema = json_schema()
    groups = [schema, *schema["$defs"].values()]
    for group in groups:
        assert group["additionalProperties"] is False
        for name, setting in group["properties"].items():
            assert setting["description"], name
            if "password" in json.dumps(setting):
                assert not setting.get("default"), name
