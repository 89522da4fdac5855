"""The unit for systemd agrees with the program, and the program speaks with systemd."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from slimgate import models
from slimgate.config import Settings, load
from slimgate.gateway.runtime.systemd import notify, watchdog_period_s
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_UNIT: Final = Path(__file__).parents[1] / "config" / "systemd" / "slimgate.service"

_PROGRAM: Final = str(Path(sys.executable).with_name("slimgate"))


def _settings() -> dict[str, str]:
    """Read the settings of the section [Service]; of those that occur twice, the last."""
    text = _UNIT.read_text("utf-8").partition("[Service]")[2].partition("[Install]")[0]
    return dict(re.findall(r"^(\w+)=(.*)$", text, flags=re.MULTILINE))


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listen as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield bound


def _heard(listener: socket.socket) -> str:
    """Return the next message that is not a sign of life."""
    while (text := listener.recv(4096).decode()) == "WATCHDOG=1":
        pass
    return text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_no_mistake(tmp_path: Path) -> None:
    """Systemd knows every setting, and nothing that the service does not need is open to it."""
    unit = tmp_path / _UNIT.name
    unit.write_text(_UNIT.read_text("utf-8").replace("/opt/slimgate/bin/slimgate", _PROGRAM))
    verify = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(unit)]
    done = subprocess.run(security, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_gives_the_gateway_time_to_drain() -> None:
    """Systemd waits longer than requests in flight may take, and ends the main process alone."""
    unit = _settings()
    patience_s = Settings.model_fields["shutdown_timeout_s"].default
    assert int(unit["TimeoutStopSec"]) >= patience_s + 20
    assert unit["KillMode"] == "mixed"


def _all(name: str) -> list[str]:
    """Return all values of a setting that may occur several times."""
    return re.findall(rf"^{name}=(.*)$", _UNIT.read_text("utf-8"), flags=re.MULTILINE)


def test_secrets_are_credentials(tmp_path: Path) -> None:
    """Each credential is named by a setting, also in the example, and no variable is a secret."""
    text = _UNIT.read_text("utf-8")
    loaded = re.findall(r"LoadCredential=([\w-]+):/etc/slimgate/\1$", text, flags=re.MULTILINE)
    named = dict(re.findall(r"(SLIMGATE_\w+)=%d/([\w-]+)", text))
    assert sorted(loaded) == sorted(named.values()) == ["admin-token", "secret-key"]
    assert _all("LoadCredential") == ["secret-key:/etc/slimgate/secret-key"]
    environ = {}
    for variable, name in named.items():
        assert variable.endswith("_FILE")
        (tmp_path / name).write_text("a secret of twenty characters\n")
        environ[variable] = str(tmp_path / name)
    config = tmp_path / "slimgate.yaml"
    config.write_text(
        "upstream: {endpoint: 'http://127.0.0.1:1'}\n"
        "credentials: [{access_key: app}]\n"
        "admin: {listen: '0.0.0.0:9001'}\n"
    )
    settings = load(config, environ=environ, known_restorers=models.NAMES)
    assert settings.credentials[0].secret_key.get_secret_value() == "a secret of twenty characters"


def test_spooled_uploads_are_on_a_disk() -> None:
    """Bodies of unknown length are not in /tmp, which is in memory on many systems."""
    unit = _settings()
    assert "TMPDIR=/var/tmp" in " ".join(_all("Environment")).split()
    assert unit["PrivateTmp"] == "yes", "others would see them in /var/tmp"


def test_what_it_runs_is_a_command(tmp_path: Path) -> None:
    """The command line is understood; a configuration that is missing ends with code 2."""
    unit = _settings()
    command = unit["ExecStart"].split()
    command[0] = _PROGRAM
    command[-1] = str(tmp_path / "missing.yaml")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert unit["RestartPreventExitStatus"] == str(done.returncode)
    assert command[-1] in done.stderr


def test_systemd_is_told_of_every_change(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears when the gateway serves, takes what is new, stops, and that it lives meanwhile."""
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    config = configuration(S3Server("http://127.0.0.1:1"))
    with GatewayProcess(config, tmp_path) as process:
        assert listener.recv(4096).decode() == "WATCHDOG=1"
        assert _heard(listener) == "READY=1"
        process.process.send_signal(signal.SIGHUP)
        reloading, _, stamp = _heard(listener).partition("\n")
        assert reloading == "RELOADING=1"
        assert re.fullmatch(r"MONOTONIC_USEC=\d+", stamp)
        assert _heard(listener) == "READY=1"
        assert listener.recv(4096).decode() == "WATCHDOG=1"
    assert _heard(listener) == "STOPPING=1"


def test_signs_of_life_do_not_wait(listener: socket.socket) -> None:
    """When systemd does not read, a few of them queue up, and the event loop goes on."""
    for _ in range(1000):
        notify("WATCHDOG=1", may_be_lost=True)
    listener.setblocking(False)
    read = 0
    with contextlib.suppress(BlockingIOError):
        while listener.recv(4096) == b"WATCHDOG=1":
            read += 1
    assert 0 < read < 1000


def test_nothing_is_sent_without_a_listener(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without systemd nothing is sent, and a socket that is gone is no error."""
    address = os.environ["NOTIFY_SOCKET"]
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    notify("READY=2")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=3")
    assert listener.recv(4096) == b"READY=3"


def test_names_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket in the abstract namespace is found by its name after @."""
    name = f"slimgate-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0{name}")
        bound.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1")
        assert bound.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_signs_of_life_come_twice_in_the_time_that_is_given(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: float | None
) -> None:
    """Only the process that is meant sends them, and only when somebody waits for them."""
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert watchdog_period_s() == expected
