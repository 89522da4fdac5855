import pytest

from slimgate.gateway.jobs.arguments import parser


@pytest.mark.parametrize(
    "words",
    [
        ["job"],
        ["job", "run"],
        ["job", "run", "s3://jobs/j1"],
        ["job", "run", "s3://jobs", "--do", "verify"],
        ["job", "run", "s3://jobs/j1", "--do", "shrink"],
        ["job", "run", "s3://jobs/j1", "--do", "drain", "--jobs", "0"],
        ["job", "run", "s3://jobs/j1", "--do", "drain", "--jobs", "257"],
        ["job", "run", "s3://jobs/j1", "--do", "verify", "--limit", "x"],
        ["job", "run", "s3://jobs/j1", "--do", "verify", "--limit", "²"],
        ["job", "run", "s3://jobs/j1", "--do", "verify", "--stop-failing", "1.5"],
        ["job", "run", "s3://jobs/j1", "--do", "verify", "--stop-failing", "nan"],
        ["job", "run", "s3://jobs/j1", "--do", "verify", "--max-bytes-per-s", "0"],
        ["job", "report", "s3://jobs/j1", "--json", "--objects"],
        ["job", "pause"],
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
