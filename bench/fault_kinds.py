"""What fails in ``python -m bench.faults``, and how it ends."""

import contextlib
import errno
import resource
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import psutil

from bench.fault_stage import Stage
from tests.servers.proxy import Proxy

_CUT_WITHIN: Final = 1 << 19  # bytes
_SHARE_OF_503: Final = 0.5
_DELAY_S: Final = 1.0
_ROOM: Final = 1 << 20  # bytes of memory that a worker may still take
_LARGEST_FILE: Final = 1 << 16  # bytes

Fault = Callable[[Stage], contextlib.AbstractContextManager[None]]


@contextmanager
def _store_cuts(stage: Stage) -> Iterator[None]:
    yield from _cuts(stage, stage.wire)


@contextmanager
def _redis_cuts(stage: Stage) -> Iterator[None]:
    yield from _cuts(stage, stage.redis_wire)


def _cuts(stage: Stage, wire: Proxy) -> Iterator[None]:
    """Break all connections off, again and again, at any byte."""

    def again() -> None:
        if armed:
            wire.arm(stage.random.randrange(1, _CUT_WITHIN), again)

    armed = True
    wire.arm(stage.random.randrange(1, _CUT_WITHIN), again)
    try:
        yield
    finally:
        armed = False
        wire.disarm()


@contextmanager
def _store_refuses(stage: Stage) -> Iterator[None]:
    stage.store.share = _SHARE_OF_503
    try:
        yield
    finally:
        stage.store.share = 0.0


@contextmanager
def _store_is_slow(stage: Stage) -> Iterator[None]:
    stage.store.delay_s = _DELAY_S
    try:
        yield
    finally:
        stage.store.delay_s = 0.0


@contextmanager
def _redis_is_stopped(stage: Stage) -> Iterator[None]:
    stage.redis.stop()
    try:
        yield
    finally:
        stage.redis.start()


@contextmanager
def _redis_is_frozen(stage: Stage) -> Iterator[None]:
    stage.redis.freeze()
    try:
        yield
    finally:
        stage.redis.thaw()


@contextmanager
def _gateway_is_killed(stage: Stage) -> Iterator[None]:
    stage.gateway().crash()
    yield


@contextmanager
def _gateway_is_frozen(stage: Stage) -> Iterator[None]:
    with _frozen([stage.gateway().process]):
        yield


@contextmanager
def _engine_is_killed(stage: Stage) -> Iterator[None]:
    _kill(stage.gateway().engines())
    yield


@contextmanager
def _engine_is_frozen(stage: Stage) -> Iterator[None]:
    with _frozen(stage.gateway().engines()):
        yield


@contextmanager
def _workers_are_killed(stage: Stage) -> Iterator[None]:
    workers = stage.gateway().workers()
    _kill(stage.random.sample(workers, stage.random.randint(1, len(workers))) if workers else ())
    yield


@contextmanager
def _worker_is_frozen(stage: Stage) -> Iterator[None]:
    workers = stage.gateway().workers()
    with _frozen(stage.random.sample(workers, 1) if workers else ()):
        yield


@contextmanager
def _disk_is_full(stage: Stage) -> Iterator[None]:
    """No file grows beyond some kilobytes, as on a full disk: spooled bodies, the index."""
    with _limited([stage.gateway().process], resource.RLIMIT_FSIZE, lambda _: _LARGEST_FILE):
        yield


@contextmanager
def _memory_is_full(stage: Stage) -> Iterator[None]:
    """Workers get no more memory."""

    def little(process: psutil.Process) -> int:
        return int(process.memory_info().vms) + _ROOM

    with _limited(stage.gateway().workers(), resource.RLIMIT_AS, little):
        yield


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def _frozen(processes: Sequence[psutil.Process]) -> Iterator[None]:
    _signal(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(processes, signal.SIGCONT)


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@contextmanager
def _limited(
    processes: Sequence[psutil.Process], kind: int, limit: Callable[[psutil.Process], int]
) -> Iterator[None]:
    before = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            soft, hard = process.rlimit(kind)
            process.rlimit(kind, (limit(process), hard))
            before.append((process, (soft, hard)))
    try:
        yield
    finally:
        for process, limits in before:
            _restore(process, kind, limits)


def _restore(process: psutil.Process, kind: int, limits: tuple[int, int]) -> None:
    try:
        process.rlimit(kind, limits)
    except psutil.NoSuchProcess:
        pass  # it has been replaced
    except OSError as error:
        if error.errno != errno.ESRCH:
            raise


FAULTS: Final[Mapping[str, Fault]] = {
    "store: connections cut": _store_cuts,
    "store: half of the requests 503": _store_refuses,
    "store: 1 s slower": _store_is_slow,
    "Redis: connections cut": _redis_cuts,
    "Redis: stopped": _redis_is_stopped,
    "Redis: frozen": _redis_is_frozen,
    "gateway: killed": _gateway_is_killed,
    "gateway: frozen": _gateway_is_frozen,
    "engine: killed": _engine_is_killed,
    "engine: frozen": _engine_is_frozen,
    "workers: killed": _workers_are_killed,
    "worker: frozen": _worker_is_frozen,
    "worker: no memory": _memory_is_full,
    "gateway: disk full": _disk_is_full,
}
