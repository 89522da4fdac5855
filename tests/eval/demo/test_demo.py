import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from slimgate import cli
from slimgate.eval.demo import command_line, table

DEMO = [sys.executable, "-m", "slimgate.eval.demo"]
TOTALS = re.compile(
    r"\n(\w+): saved \d+\.\d % of (\d) images, \d restored, 0 below floor, 0 failed\n"
    r"\d of them enlarged by super-resolution; "
)
ENLARGED = (
    "astronaut.jpg,chelsea.webp,motorcycle_left.jpg,ihc.jpg,brick.jpg,gravel.jpg,coins.jpg,logo.png"
)


def test_demo_runs_to_the_end(tmp_path: Path) -> None:
    """Two images pass through a real gateway under both policies, and stay above the floors."""
    page = tmp_path / "demo.html"
    run = subprocess.run(
        [*DEMO, "--images", "coins.jpg,page.png", "--page", str(page)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    found = TOTALS.findall(run.stdout)
    assert (run.returncode, found) == (0, [("standard", "2"), ("economy", "2")]), run.stderr
    assert f"open {page}\n" in run.stdout
    assert page.read_text().count("data:image/jpeg;base64,") == 3
    assert [path.name for path in tmp_path.iterdir()] == ["demo.html"]
    assert "\r" not in run.stdout + run.stderr
    assert max(map(len, run.stdout.replace(str(page), "").splitlines())) <= table.WIDTH


def test_a_page_that_cannot_be_written_is_told_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any work people learn that they need another place."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    code = cli.main(["demo", "--page", str(tmp_path / "none" / "demo.html")])
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)
    said = capsys.readouterr().err
    assert (code, "choose another with --page" in said, "Starting" in said) == (2, True, False)


@pytest.mark.slow  # optimizes eight images twice
def test_super_resolution_wins_in_the_economy_bucket(tmp_path: Path) -> None:
    """At least three images of the second policy are stored shrunk, because that is smallest."""
    command = [*DEMO, "--images", ENLARGED, "--page", str(tmp_path / "demo.html")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    won = re.findall(r"\n(\d+) of them enlarged", run.stdout)
    assert int(won[-1]) >= 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly(number: signal.Signals) -> None:
    """A signal ends the pair without a traceback, and nothing is left listening."""
    with subprocess.Popen(
        [*DEMO, "--serve", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as served:
        assert served.stdout is not None
        assert served.stderr is not None
        endpoints: list[str] = []
        for line in served.stdout:
            endpoints += re.findall(r"http://127\.0\.0\.1:(\d+)", line)
            if line.startswith("Ctrl-C stops"):
                break
        served.send_signal(number)
        said = served.stderr.read()
        assert served.wait(30) == 0
    assert said.endswith("\nStopped.\n")
    assert "Traceback" not in said
    assert len(set(endpoints)) == 2
    for port in set(endpoints):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), 5)


def test_taken_port_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """When another program has the port, people learn what to type."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = cli.main(["demo", "--serve", "--listen", f"127.0.0.1:{port}"])
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)
    said = capsys.readouterr().err
    assert code == 2
    assert f"127.0.0.1:{port} is in use" in said
    assert "make serve LISTEN=" in said


def test_pages_for_operators_are_beside_the_gateway() -> None:
    """They get the next port, and are left out where that is taken or does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert command_line._operators(port - 1) is None
    assert f"127.0.0.1:{port}" == command_line._operators(port - 1)
    assert (command_line._operators(0), command_line._operators(65535)) == (None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--images", "none.png"],
        ["--listen", "9000"],
        ["--listen", "host:port"],
        ["--listen", "127.0.0.1:70000"],
    ],
)
def test_bad_arguments_are_refused(arguments: list[str]) -> None:
    """Impossible options are refused before anything starts."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", *arguments])
    assert ended.value.code == 2
