import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.servers.gateway import configuration, environment
from tests.servers.server import S3Server

_CONFIG = configuration(S3Server("http://127.0.0.1:1"))


def _run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "slimgate", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**environment(), **environ},
        check=False,
    )


def test_check_shows_everything_but_secrets(tmp_path: Path) -> None:
    """A valid configuration is shown with its defaults, its secrets masked, and exit code 0."""
    file = tmp_path / "good.yaml"
    file.write_text(yaml.safe_dump(_CONFIG))
    done = _run("check", "--config", str(file))
    # Workers of root keep their user where only root can read Python.
    others = [line for line in done.stderr.splitlines() if "workers of root" not in line]
    assert (done.returncode, others) == (0, [])
    assert "main-secret" not in done.stdout
    shown = yaml.safe_load(done.stdout)
    assert [policy["name"] for policy in shown["policies"]] == ["photos", "shadow", "pages"]
    assert shown["policies"][0]["fidelity"] == "standard"
    assert shown["policies"][0]["floor"]["ssimulacra2"] == 70


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("listen: 127.0.0.1:0\nupstraem: {}\n", 2, "did you mean 'upstream'?"),
        ("upstream:\n  endpoint: nowhere\n", 2, "upstream.endpoint"),
        ("upstream: [\n", 2, ""),
        ("upstream:\n  endpoint: http://a\npolicies:\n- name: x\n  bucket: y\n", 4, "mode"),
    ],
)
def test_mistakes_are_shown_with_their_line(
    tmp_path: Path, command: str, text: str, line: int, reason: str
) -> None:
    """An invalid configuration ends with exit code 2, its place and the reason."""
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    done = _run(command, "--config", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file}:{line}" in done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    """A configuration that is not there ends with exit code 2 and its name."""
    done = _run("check", "--config", str(tmp_path / "none.yaml"))
    assert done.returncode == 2
    assert f"{tmp_path / 'none.yaml'}" in done.stderr


def test_the_environment_has_the_last_word(tmp_path: Path) -> None:
    """A variable replaces a value of the file, and a wrong one is named."""
    file = tmp_path / "good.yaml"
    file.write_text(yaml.safe_dump(_CONFIG))
    done = _run("check", "--config", str(file), SLIMGATE_UPSTREAM__REGION="eu-north-1")
    assert yaml.safe_load(done.stdout)["upstream"]["region"] == "eu-north-1"
    done = _run("check", "--config", str(file), SLIMGATE_UPSTREAM__MAX_CONNECTIONS="many")
    assert done.returncode == 2
    assert "SLIMGATE_UPSTREAM__MAX_CONNECTIONS" in done.stderr


def test_a_taken_address_is_said_to_be_taken(tmp_path: Path) -> None:
    """When something else listens there, the log says what to do, and the exit code is 1."""
    file = tmp_path / "good.yaml"
    file.write_text(yaml.safe_dump(_CONFIG))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = _run("serve", "--config", str(file), "--listen", address)
    assert (done.returncode, done.stdout) == (1, "")
    assert address in done.stderr
    assert "--listen" in done.stderr
    assert "Traceback" not in done.stderr
