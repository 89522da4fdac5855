import json

import pytest

from slimgate.codec.golden import objects
from slimgate.gateway.jobs.restoring import notes

_NOTE = objects()[0].manifest.dumps()


@pytest.mark.parametrize(
    "described",
    [
        {"ContentLength": 1, "Metadata": {"other": "x", "slimgate": _NOTE}},  # aws s3api
        {"Path": "a", "Metadata": {"mtime": "1", "slimgate": _NOTE}},  # rclone lsjson
        {"status": "success", "metadata": {"X-Amz-Meta-Slimgate": _NOTE}},  # mc stat --json
        {"x-amz-meta-slimgate": _NOTE},
    ],
)
def test_descriptions_of_tools(described: dict[str, object]) -> None:
    """The manifest is found in what each tool prints."""
    assert notes.of_json(json.dumps(described)) == (_NOTE,)


def test_a_manifest_alone() -> None:
    """A file may hold the manifest itself."""
    assert notes.of_json(f"{_NOTE}\n") == (_NOTE,)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "1", '{"Metadata": {}}', '{"Metadata": {"slimgate": 1}}', '{"v": 1}',
        '{"Metadata": {"metadata": {"slimgate": "x"}}}', "[" * 5000, '{"metadata":' * 5000,
    ],
)  # fmt: skip
def test_other_documents(text: str) -> None:
    """What describes no managed object has no manifest."""
    assert notes.of_json(text) is None


def test_plain_objects() -> None:
    """What aws-cli prints of an object without a manifest says that it is plain."""
    printed = {"ContentLength": 1, "ETag": "x", "Metadata": {}}
    assert notes.of_json(json.dumps(printed)) == (None,)
