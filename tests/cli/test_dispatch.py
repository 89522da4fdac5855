import os
import subprocess
import sys

import pytest

from slimgate.cli import main
from slimgate.cli.commands import COMMANDS
from slimgate.cli.former import NAMES
from slimgate.gateway.jobs.arguments import parser as parser_of_tools

_HEAVY = ("cv2", "numpy", "openvino", "pydantic", "torch", "aiohttp")


def test_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """``slimgate --help`` has a line for every command, and exits with 0."""
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out.splitlines()
    for each in COMMANDS:
        assert f"  {each.name:<18}{each.summary}" in shown


def test_without_a_command_help_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A script that forgot the command ends with 2."""
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("chekc", "check"),
        ("optimise", "optimize"),
        ("jobs", "job"),
        ("restore-orignal", "restore-"),
    ],
)
def test_misspelled_commands(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest command is suggested, and the exit code is 2."""
    assert main([typed]) == 2
    assert f"slimgate has no command '{typed}'; did you mean {meant}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (["check", "--confg", "x"], "unrecognized arguments: --confg x; did you mean --config?"),
        (["job", "rnu"], "unknown 'rnu'; did you mean run? (choose from plan, run"),
        (["job", "run", "s3://jobs/1", "--do", "optimise"], "did you mean optimize?"),
        (["job", "plan", "s3://photos", "--too", "s3://jobs/1"], "did you mean --to?"),
        (["job", "plan", "photos", "--to", "s3://jobs/1"], "did you mean s3://photos?"),
        (["job", "status", "jobs/1"], "did you mean s3://jobs/1?"),
        (["index", "http://photos"], "not of the form s3://bucket/key\n"),
        (["models", "sohw", "native"], "did you mean show?"),
    ],
)
def test_misspelled_words(typed: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Options, choices and places are corrected, and the exit code is 2."""
    with pytest.raises(SystemExit) as ended:
        main(typed)
    assert ended.value.code == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_former_commands_say_what_to_type(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command line of an earlier version changes nothing, and names the commands of today."""
    assert main([name, "s3://photos/a/", "--jobs", "2", "--log", "x"]) == 2
    _, plan, run, _ = capsys.readouterr().err.splitlines()
    options = parser_of_tools().parse_args(plan.split()[1:])
    assert (str(options.place), options.all_keys) == ("s3://photos/a/", name != "optimize")
    assert parser_of_tools().parse_args(run.split()[1:]).do == name


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_simple_answers_import_nothing_heavy(words: list[str]) -> None:
    """Neither images nor networks nor settings are loaded to show help."""
    program = (
        "import sys\nfrom slimgate.cli import main\n"
        f"main({words!r})\nprint([name for name in {_HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_is_quick() -> None:
    """``slimgate --help`` takes less than 300 ms of a processor, at best of three."""
    command = [sys.executable, "-P", "-m", "slimgate", "--help"]
    taken = []
    for _ in range(3):
        before = os.times()
        subprocess.run(command, capture_output=True, check=True)
        after = os.times()
        taken.append(
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )
    assert min(taken) < 0.3


def test_versions_need_no_network_engine() -> None:
    """``slimgate version`` loads codecs, but neither OpenVINO nor torch nor OpenCV."""
    program = (
        "import sys\nfrom slimgate.cli import main\nmain(['version', '--json'])\n"
        "sys.exit(any(name in sys.modules for name in ('cv2', 'openvino', 'torch')))"
    )
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)


@pytest.mark.parametrize("words", [["schema"], ["--help"], ["version"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_may_leave(words: list[str], unbuffered: str) -> None:
    """Output into a closed pipe ends the program without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "slimgate", *words]
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            command, stdout=pipe, stderr=subprocess.PIPE, env=environ, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_any_terminal_shows_help() -> None:
    """Characters that its encoding lacks are replaced."""
    environ = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "slimgate", "--help"]
    done = subprocess.run(command, capture_output=True, env=environ, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: slimgate COMMAND ?")
