import re
import signal
import socket
import subprocess
import sys

import pytest

from slimgate import cli
from slimgate.eval.demo import command_line, sample_images, table

DEMO = [sys.executable, "-m", "slimgate.eval.demo"]
TOTALS = re.compile(
    r"\nsaved \d+\.\d % of (\d) images, \d restored, 0 below floor, 0 failed\n"
    r"\d of them enlarged by super-resolution\n"
)


def test_demo_runs_to_the_end() -> None:
    """Two images pass through a real gateway and stay above the floor; one of them also lower."""
    run = subprocess.run(
        [*DEMO, "--images", "coins.jpg,page.png"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (run.returncode, TOTALS.findall(run.stdout)) == (0, ["2", "1"]), run.stderr
    assert "\r" not in run.stdout + run.stderr
    assert max(map(len, run.stdout.splitlines())) <= table.WIDTH


@pytest.mark.slow  # optimizes ten images
def test_super_resolution_wins_in_the_economy_bucket() -> None:
    """At least three images of the second table are stored shrunk, because that is smallest."""
    names = ",".join(sample_images.ECONOMY)
    command = [*DEMO, "--images", names]
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
