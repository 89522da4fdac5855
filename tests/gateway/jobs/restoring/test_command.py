from pathlib import Path

import pytest

from slimgate.cli import main
from slimgate.gateway.jobs.arguments import parser
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.restoring.command import restore


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["FOLDER", "--out", "FOLDER/out"], "outside of the folder"),
        (["FOLDER", "--out", "FOLDER/../folder"], "outside of the folder"),
        (["FOLDER", "--out", "OUT", "--endpoint-url", "http://x"], "is for s3://"),
        (["s3://photos/k", "--verify", "--metadata", "x"], "is for a folder"),
    ],
)
async def test_what_cannot_be_meant(tmp_path: Path, words: list[str], reason: str) -> None:
    """Arguments that do not fit together are refused before anything starts."""
    folder = tmp_path / "folder"
    folder.mkdir()
    typed = [each.replace("FOLDER", str(folder)).replace("OUT", str(tmp_path)) for each in words]
    with pytest.raises(UsageError, match=reason):
        await restore(parser().parse_args(["restore", *typed]))


@pytest.mark.parametrize("word", ["--config=x", "--uploaded-as", "--dry-run", "--access-key"])
def test_earlier_command_lines(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What put an original back before is told its new name, and does nothing."""
    assert main(["restore", "s3://photos/k.jpg", word]) == 2
    assert "slimgate restore-original" in capsys.readouterr().err
