import shutil
import subprocess
from pathlib import Path

import pytest

from slimgate.cli import main
from slimgate.cli.completion import SHELLS


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """Return a shell that is installed."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


@pytest.fixture
def script(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return the completions for that shell, in a file."""
    assert main(["completion", shell]) == 0
    path = tmp_path / "_slimgate"
    path.write_text(capsys.readouterr().out)
    return path


def test_shells_can_read_their_completions(shell: str, script: Path) -> None:
    """The shell finds no mistake."""
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "completed"),
    [("slimgate che", ["check"]), ("slimgate job re", ["report", "resume", "retry-failed"])],
)
def test_commands_are_completed(
    line: str, completed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bash completes commands and their subcommands."""
    main(["completion", "bash"])
    script = tmp_path / "slimgate"
    script.write_text(capsys.readouterr().out)
    words = line.split()
    program = (
        f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; "
        f"COMP_POINT={len(line)}; _shtab_slimgate slimgate {words[-1]} {words[-2]}; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == completed
