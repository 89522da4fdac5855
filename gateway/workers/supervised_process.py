"""Child processes that a gateway starts, replaces if lost, and ends with itself."""

import asyncio
import contextlib
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Self

import structlog
from prometheus_client import Counter

from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers.child_environment import child_environment
from slimgate.gateway.workers.watchdog import HeartbeatMonitor, StackDump, abort
from slimgate.models.engine.heartbeat import STACKS

_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 10.0
HEARTBEAT_TIMEOUT_S: Final = 30.0
_LONGEST_PAUSE_S: Final = 30.0

_log = structlog.get_logger(__name__)


class ProcessSpec(NamedTuple):
    """How to start a process, and how to react to its end.

    Attributes:
        name: Name in logs and metrics.
        module: Module to run, as with ``python -m``.
        first_message: Returns the first bytes for its standard input.
        lost: Counts lost processes.
        pass_fds: File descriptors to inherit.
        environment: Additional environment variables.
        aws: It signs requests to AWS with the credentials of its environment.
        stop_timeout_s: Time to end after a stop, seconds; then it is killed.
        heartbeat_timeout_s: Silence after which it counts as hung and is replaced, seconds.
        gone: Called with the PID of each process that has ended.
    """

    name: str
    module: str
    first_message: Callable[[], bytes]
    lost: Counter
    pass_fds: Sequence[int] = ()
    environment: Mapping[str, str] = {}
    aws: bool = False
    stop_timeout_s: float = _STOP_TIMEOUT_S
    heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S
    gone: Callable[[int], None] = lambda _: None


class SupervisedProcess:
    """A child process that runs for the duration of an ``async with`` block.

    It writes ``ready``, or an error, to its standard output, and then heartbeats. A process that
    falls silent is hung, and replaced like one that has exited. It exits when its standard input
    closes, so it never outlives its parent, even one that is killed.

    Args:
        spec: How to start it.
    """

    def __init__(self, spec: ProcessSpec) -> None:
        self._spec = spec
        self._watch: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._stacks = StackDump()

    @property
    def pid(self) -> int | None:
        """Return the PID; None while no process runs."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and alive else None

    async def __aenter__(self) -> Self:
        try:
            self._process = await self._start()
        except BaseException:
            self._stacks.close()
            raise
        self._watch = asyncio.create_task(self._replace())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        self._stacks.close()

    def tell(self, message: bytes) -> None:
        """Write to its standard input; ignored while it is being replaced."""
        if self.pid is not None and self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                write(self._process.stdin, message)

    async def _start(self) -> Process:
        spec = self._spec
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", spec.module),  # not from the working directory
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=(*spec.pass_fds, self._stacks.number),
            env={
                **child_environment(aws=spec.aws),
                **spec.environment,
                STACKS: str(self._stacks.number),
            },
            # Ctrl-C must reach only the parent, which then ends this process.
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        said = b""
        try:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(_START_TIMEOUT_S):
                    write(process.stdin, spec.first_message())
                    await process.stdin.drain()
                    said = await process.stdout.readline()
        finally:
            if said != b"ready\n":
                await self._end(process)
        if said != b"ready\n":
            reason = said.decode().strip() or "see its output"
            raise CannotStart(f"the {spec.name} process did not start: {reason}")
        return process

    async def _replace(self) -> None:
        """Replace the process whenever it is lost, with a backoff if replacements do not last."""
        pause_s = 0.0
        process = self._process
        assert process is not None  # noqa: S101  # started before this task
        try:
            while True:
                started = time.monotonic()
                code = await self._lost(process)
                self._spec.gone(process.pid)
                self._spec.lost.inc()
                lasted = time.monotonic() - started > _LONGEST_PAUSE_S
                pause_s = 0.0 if lasted else min(_LONGEST_PAUSE_S, pause_s * 2 or 1.0)
                event = f"{self._spec.name} process lost"
                stacks = self._stacks.take()
                left = {"stacks": stacks} if stacks else {}
                _log.error(event, exit_code=code, pause_s=pause_s, **left)
                await asyncio.sleep(pause_s)
                process = self._process = await self._started_again(process)
        finally:
            await self._end(process)

    async def _lost(self, process: Process) -> int:
        """Wait for the end of a process, or end it if it hangs; return its exit code."""
        silence_s = self._spec.heartbeat_timeout_s
        ending = asyncio.create_task(process.wait())
        silent = asyncio.create_task(HeartbeatMonitor(process).end(silence_s))
        try:
            await asyncio.wait({ending, silent}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                metrics.PROCESSES_HUNG.labels(self._spec.name).inc()
                event = f"{self._spec.name} process hung"
                _log.error(event, pid=process.pid, silent_s=silence_s)
                await abort(process)
            return await ending
        finally:
            ending.cancel()
            silent.cancel()
            await asyncio.gather(ending, silent, return_exceptions=True)

    async def _started_again(self, lost: Process) -> Process:
        name = self._spec.name
        try:
            process = await self._start()
        except CannotStart as error:
            _log.error(f"{name} process not replaced", reason=str(error))
            return lost
        _log.info(f"{name} process replaced", pid=process.pid)
        return process

    async def _end(self, process: Process) -> None:
        """Close its standard input, which ends it; kill it if that does not."""
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(self._spec.stop_timeout_s):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        self._spec.gone(process.pid)


def write(stdin: asyncio.StreamWriter, message: bytes) -> None:
    """Write to the standard input of a process.

    Raises:
        ConnectionResetError: The process has ended; uvloop would raise a RuntimeError.
    """
    if stdin.is_closing():
        raise ConnectionResetError("the process has ended")
    stdin.write(message)
