import pytest

from gateway.jobs.arguments import NAMES, parser


@pytest.mark.parametrize(
    "words",
    [
        ["optimize"],
        ["optimize", "bucket"],
        ["optimize", "s3://"],
        ["drain", "s3://bucket", "--jobs", "0"],
        ["drain", "s3://bucket", "--jobs", "257"],
        ["verify", "s3://bucket", "--limit", "x"],
        ["verify", "s3://bucket", "--limit", "²"],
        ["verify", "s3://bucket", "--remove-replaced"],
        ["restore-original", "s3://bucket"],
        ["explain"],
        ["ledger"],
        ["shrink", "s3://bucket"],
    ],
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be meant ends with 2 and a hint."""
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help of each tool exits with 0 and lists the exit codes."""
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([name, "--help"])
    assert ended.value.code == 0
    assert "Exit codes" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["optimize", "drain"])
def test_the_order_is_told(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help states that large objects are processed first."""
    with pytest.raises(SystemExit):
        parser().parse_args([name, "--help"])
    assert "largest first within each 50,000 keys" in " ".join(capsys.readouterr().out.split())
