import pytest

from slimgate.gateway.__main__ import main
from slimgate.gateway.jobs.arguments import FORMER, NAMES, parser


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


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help of each tool exits with 0 and lists the exit codes."""
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([name, "--help"])
    assert ended.value.code == 0
    assert "Exit codes" in capsys.readouterr().out


_ACTIONS = ("plan", "run", "status", "report", "pause", "resume", "retry-failed")


@pytest.mark.parametrize("action", _ACTIONS)
def test_every_action_explains_itself(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help of each action of jobs exits with 0 and lists the exit codes."""
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["job", action, "--help"])
    assert ended.value.code == 0
    assert "Exit codes" in capsys.readouterr().out


@pytest.mark.parametrize("name", FORMER)
def test_former_tools_say_what_to_type(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command line of an earlier version changes nothing, and names the commands of today."""
    assert main([name, "s3://photos/a/", "--jobs", "2", "--log", "x"]) == 2
    _, plan, run, _ = capsys.readouterr().err.splitlines()
    options = parser().parse_args(plan.split()[3:])
    assert (str(options.place), options.all_keys) == ("s3://photos/a/", name != "optimize")
    assert parser().parse_args(run.split()[3:]).do == name
