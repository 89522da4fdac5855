"""One worker process: it runs one job at a time, and is replaced when it is lost or spent."""

import asyncio
import contextlib
import ctypes
import multiprocessing
from collections.abc import Callable
from concurrent.futures import TimeoutError as PoolTimeoutError
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from slimgate import models
from slimgate.codec.reasons import Reason
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers import jobs
from slimgate.gateway.workers.job_values import JobInput, JobResult

_T = TypeVar("_T")

_MAX_JOBS: Final = 500  # recycle processes, in case a decoder leaks
_POLL_S: Final = 0.5  # pebble does not report a broken pool


class WorkerLost(Exception):
    """The process was lost: it crashed or timed out.

    Attributes:
        reason: Why an upload that it was working on stays as it is.
        detail: Particulars of the reason.
        step: Step it was running; empty: unknown.
    """

    def __init__(self, reason: Reason, detail: str, step: str = "") -> None:
        self.reason = reason
        self.detail = f"{detail} at step {step}" if step else detail
        self.step = step
        super().__init__(reason.told(self.detail))


class WorkerDied(WorkerLost):
    """The process crashed or was killed."""


class WorkerGone(Exception):
    """The process was dead before the job began; another one can run it."""


class WorkerSpec(NamedTuple):
    """How to start a worker process.

    Attributes:
        memory: Memory of a job, bytes.
        engine: Socket of the engine process.
        speed: Class of the engine.
    """

    memory: int
    engine: Path
    speed: models.Speed


class WorkerProcess:
    """A process that decodes, encodes and restores images.

    Args:
        spec: How to start it, which happens at once.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        context = multiprocessing.get_context("forkserver")
        # Import once in the fork server: replacing a worker then takes milliseconds.
        context.set_forkserver_preload([jobs.__name__])
        self._step: ctypes.Array[ctypes.c_char] = RawArray(ctypes.c_char, jobs.STEP_LENGTH)
        self._pool = ProcessPool(
            max_workers=1,
            initializer=jobs.initialize,
            initargs=[spec.memory, spec.engine, self._step, spec.speed],
            context=context,
        )
        self._jobs = 0
        self._spent = not self._pool.active  # the property starts the pool

    @property
    def is_fresh(self) -> bool:
        """Return whether it has not run a job yet."""
        return self._jobs == 0

    @property
    def is_usable(self) -> bool:
        """Return whether it can run another job."""
        return not self._spent and self._jobs < _MAX_JOBS and self._pool.active

    @property
    def step(self) -> str:
        """Return the current step; empty: none, or unknown."""
        return bytes(self._step.value).decode("ascii", "replace")

    async def run(self, timeout_s: float, job: Callable[..., _T], data: bytes, *args: object) -> _T:
        """Run a job.

        Raises:
            WorkerDied, WorkerLost: The process crashed or timed out.
            WorkerGone: It was dead before the job began.
            Exception: Any error of the job.
        """
        self._jobs += 1
        self._step.value = b""
        arguments: list[Any] = [job, JobInput(data), *args]
        try:
            future = self._pool.schedule(jobs.run, arguments, timeout=timeout_s)
        except RuntimeError as error:  # the pool is broken
            self._spent = True
            raise WorkerGone from error
        result: JobResult[_T] = await self._outcome(future, timeout_s)
        return result.unwrap()

    async def _outcome(
        self, future: "ProcessFuture[JobResult[_T]]", timeout_s: float
    ) -> JobResult[_T]:
        """Wait for a job while its process is alive."""
        waited_for = asyncio.wrap_future(future)
        spent, self._spent = True, True  # reset when the job returns
        try:
            while not waited_for.done():
                await asyncio.wait({waited_for}, timeout=_POLL_S)
                if not waited_for.done() and not self._pool.active:
                    raise WorkerGone
            result = waited_for.result()
            spent = result.spent
            metrics.WORKERS_REPLACED.inc(spent)
        except BrokenProcessPool as error:
            raise WorkerGone from error
        except ProcessExpired as error:
            metrics.WORKERS_LOST.inc()
            detail = f"process died (exit code {error.exitcode})"
            raise WorkerDied(Reason.WORKER_LOST, detail, self.step) from error
        except PoolTimeoutError as error:
            metrics.WORKERS_LOST.inc()
            detail = f"{timeout_s:g} s of wall-clock time"
            raise WorkerLost(Reason.TIMEOUT, detail, self.step) from error
        else:
            return result
        finally:
            self._spent = spent
            # Cancelling this wait cancels the future, which ends the process.
            waited_for.cancel()

    async def end(self) -> None:
        """End the process."""
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._pool.stop()  # type: ignore[no-untyped-call]  # untyped in pebble
            self._pool.join()
