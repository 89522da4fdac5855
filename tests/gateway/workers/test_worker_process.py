"""Test what the gateway makes of a worker that an image has taken over, and what a worker has."""

import asyncio
import errno
import json
import os
import pickle
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from slimgate.codec.reasons import Reason
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.workers import messages, worker_process
from slimgate.gateway.workers.fork_server import NUMBER, REQUEST, ForkServer
from slimgate.gateway.workers.forking import Forking, Handles, clean_environment
from slimgate.gateway.workers.job_values import Job, OptimizeJob, RestoreJob
from slimgate.gateway.workers.messages import Kind
from slimgate.gateway.workers.watchdog import StackDump
from slimgate.gateway.workers.worker_main import WorkerSpec
from slimgate.gateway.workers.worker_process import WorkerDied, WorkerProcess
from slimgate.gateway.workers.worker_start import check_started
from tests.codec.pictures import policy
from tests.gateway.instant_workers import manifest

_SPEC: Final = WorkerSpec(1 << 30, Path("/nonexistent/engine"), "int8")
_OPTIMIZE: Final = OptimizeJob(policy(), "image/png", "0.1.0", frozenset(), may_be_large=False)
_RESTORE: Final = RestoreJob(manifest(size=4), may_be_large=False)
_DATA: Final = b"image"
_READY: Final = messages.head(Kind.READY, b"{}", 0)
_TAKEN: Final = messages.head(Kind.STEP, b"", 0)
_DOCUMENT: Final = json.dumps({"manifest": None}).encode()
_TIMEOUT_S: Final = 60


class _Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


class _Peer:
    """Stands in for the fork server; the test holds the worker's end."""

    def __init__(self) -> None:
        ours, self.worker = socket.socketpair()
        lifeline, self.server = socket.socketpair()
        for each in (ours, lifeline, self.worker):
            each.setblocking(False)
        self.handles = Handles(ours, lifeline, StackDump())


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Peer]:
    """Return the other end of the worker that the test starts."""
    made = _Peer()
    with made.worker, made.server:
        monkeypatch.setattr(worker_process, "forking", lambda: _Forks(made.handles))
        yield made


class _Forks:
    def __init__(self, handles: Handles) -> None:
        self._handles = handles

    def worker(self) -> Handles:
        """Return the prepared ends."""
        return self._handles


async def _answered(peer: _Peer, answer: bytes, job: Job = _OPTIMIZE, max_body: int = 99) -> str:
    """Return how a job ends whose worker sends these bytes, and then ends with code 0."""
    worker = WorkerProcess(_SPEC)
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(worker.run(_TIMEOUT_S, job, _DATA, max_body))
    await loop.sock_sendall(peer.worker, _READY)
    await loop.sock_sendall(peer.worker, _TAKEN + answer)
    peer.worker.shutdown(socket.SHUT_WR)
    peer.server.send(NUMBER.pack(4711) + NUMBER.pack(0))
    peer.server.shutdown(socket.SHUT_WR)
    try:
        with pytest.raises(WorkerDied) as died:
            await running
    finally:
        await worker.end()
    assert not worker.is_usable
    assert died.value.reason is Reason.WORKER_LOST
    return died.value.detail


async def test_what_it_sends_is_never_unpickled(peer: _Peer, tmp_path: Path) -> None:
    """A pickle as the result runs nothing: it is a broken protocol."""
    bomb = pickle.dumps(_Bomb(tmp_path / "exploded"))
    pickle.loads(bomb)  # noqa: S301  # it does work
    (tmp_path / "exploded").unlink()
    answer = messages.head(Kind.RESULT, bomb, len(bomb)) + bomb
    assert "Invalid JSON" in await _answered(peer, answer, max_body=len(bomb))
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("answer", "job", "detail"),
    [
        (b"\x80\x05" + bytes(99), _OPTIMIZE, "a message of an unknown kind"),
        (messages.HEAD.pack(Kind.RESULT, 1 << 31, 0), _OPTIMIZE, "a message of 2147483648 bytes"),
        (messages.HEAD.pack(Kind.RESULT, 2, 1 << 40), _OPTIMIZE, "a message of 1099511627778 by"),
        (messages.HEAD.pack(Kind.STEP, 2, 1), _OPTIMIZE, "a message of 3 bytes"),
        (messages.head(Kind.READY, b"{}", 0), _OPTIMIZE, "messages that do not belong there"),
        (messages.head(Kind.STEP, b"x", 0) * 10_000, _OPTIMIZE, "messages that do not belong"),
        (messages.head(Kind.RESULT, _DOCUMENT, 1) + b"x", _OPTIMIZE, "without a manifest"),
        (messages.head(Kind.RESULT, _DOCUMENT, 1) + b"x", _RESTORE, "restored 1 bytes, not 4"),
        (messages.head(Kind.RESULT, b'{"manifest": 3}', 0), _OPTIMIZE, "a wrong manifest"),
        (messages.head(Kind.FAILURE, b'{"error": "SystemExit"}', 0), _OPTIMIZE, "a wrong error"),
        (messages.head(Kind.STEP, b"\xff" * 99, 0), _OPTIMIZE, "died (exit code 0) at step "),
    ],
)
async def test_nonsense_is_a_lost_process(
    peer: _Peer, answer: bytes, job: Job, detail: str
) -> None:
    """Whatever a worker sends, it costs its process and has a reason."""
    assert detail in await _answered(peer, answer, job)


async def test_a_required_sandbox_prevents_the_start(peer: _Peer) -> None:
    """A gateway does not start with workers that lack a part which is required."""
    spec = WorkerSpec(_SPEC.memory, _SPEC.engine, _SPEC.speed, "required")
    peer.worker.send(messages.head(Kind.READY, b'{"files": "no Landlock", "else": 1}', 0))
    peer.server.shutdown(socket.SHUT_WR)
    worker = WorkerProcess(spec)
    with pytest.raises(CannotStart, match=r"cannot be confined: files \(no Landlock\)$"):
        await check_started(worker)
    await worker.end()


def test_only_harmless_variables_are_inherited() -> None:
    """Workers get where to find libraries, and nothing that could be a secret."""
    environ = {
        "PATH": "/bin", "LC_ALL": "C", "OMP_NUM_THREADS": "4", "SLIMGATE_ADMIN__TOKEN": "s",
        "AWS_SECRET_ACCESS_KEY": "s", "OTEL_EXPORTER_OTLP_HEADERS": "s", "HOME": "/root",
    }  # fmt: skip
    assert clean_environment(environ) == {
        "PATH": "/bin", "LC_ALL": "C", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_a_worker_has_nothing_but_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret is in the environment of worker or fork server, and no file is inherited."""
    monkeypatch.setenv("SLIMGATE_CREDENTIALS__0__SECRET_KEY", "secret")
    forks = Forking()
    monkeypatch.setattr(worker_process, "forking", lambda: forks)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        first, worker = WorkerProcess(_SPEC), WorkerProcess(_SPEC)
        for each in (first, worker):
            await each.start()
        assert worker.is_usable
        pid = worker._lifeline.pid
        assert pid is not None
        assert _has_only_its_connection(psutil.Process(pid))
        for each in (first, worker):
            await each.end()
    forks.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
async def test_no_worker_outlives_the_fork_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one that hangs ends with a fork server that is killed, also as another user."""
    forks = Forking()
    monkeypatch.setattr(worker_process, "forking", lambda: forks)
    worker = WorkerProcess(_SPEC)
    await worker.start()
    worker._lifeline.exit_code()
    pid = worker._lifeline.pid
    assert pid is not None
    process = psutil.Process(pid)
    server = process.parent()
    assert server is not None
    process.suspend()
    server.kill()
    process.wait(_TIMEOUT_S)
    await worker.end()
    assert not worker.is_usable
    forks.close()


async def test_without_a_free_process_the_fork_server_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that cannot be forked costs no other worker, and says why."""

    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    ours, theirs = socket.socketpair()
    lifeline, end = socket.socketpair()
    control, asked = socket.socketpair()
    words = StackDump()
    with ours, theirs, lifeline, end, control, asked:
        socket.send_fds(asked, [REQUEST], [theirs.fileno(), end.fileno(), words.number])
        theirs.close()
        end.close()
        server = ForkServer(control)
        with server._woken, server._waker:
            assert server._accept()
        assert (ours.recv(1), lifeline.recv(1)) == (b"", b"")
    assert "Resource temporarily unavailable" in words.take()
    words.close()


def _has_only_its_connection(process: psutil.Process) -> bool:
    server = process.parent()
    assert server is not None
    for each in (process, server):
        assert b"secret" not in Path(f"/proc/{each.pid}/environ").read_bytes()
    folder = Path(f"/proc/{process.pid}/fd")
    found = {each.name: str(each.readlink()) for each in folder.iterdir()}
    assert found.pop("3").startswith("socket:")
    assert found.pop("2").endswith("(deleted)")  # its last words
    state = {f"/proc/{process.pid}/{name}" for name in ("statm", "status")}
    return set(found.values()) == {"/dev/null", *state}
