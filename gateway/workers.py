"""A pool of worker processes for everything that decodes images."""

import asyncio
import contextlib
import logging
import multiprocessing
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import TimeoutError as PoolTimeoutError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Final, ParamSpec, Self, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

import models
from codec.enlarging import FileFormat
from codec.manifest import Manifest
from codec.optimize import Optimized, Refused
from codec.restore import DamagedRendition, DigestMismatch
from config import Engine, Policy
from gateway import jobs, metrics
from gateway.engine import TIMEOUT_S, EngineProcess
from gateway.line import Busy, Line

_P = ParamSpec("_P")
_T = TypeVar("_T")

_MAX_TASKS = 500  # a fresh process now and then, should a decoder leak

_ATTEMPTS = 3
_POLL_S = 0.5  # pebble tells nobody when a pool breaks

_log = logging.getLogger(__name__)


class WorkerLost(Exception):
    """The process was ended: it crashed, or ran out of time."""


UNRESTORABLE: Final = (
    DamagedRendition,
    DigestMismatch,
    LookupError,
    models.EngineError,
    WorkerLost,
)
"""What :meth:`Workers.restore` raises when a rendition does not restore."""


class _PoolLost(Exception):
    """All processes are gone at once; another pool may do what was asked."""


class Workers:
    """Run jobs, each in a process that may be lost.

    Args:
        engine: Number of processes, memory of each, and length of the queue.
        restorers: Hashes of the networks that have to run from the start.
        address: Socket of an engine process that somebody else keeps; None: one of their own.
    """

    def __init__(
        self, engine: Engine, restorers: Collection[str] = (), *, address: Path | None = None
    ) -> None:
        self._own_engine = EngineProcess(engine, restorers) if address is None else None
        self._address = self._own_engine.address if self._own_engine else address
        self._settings = engine
        self._pool = self._made()
        self._discarding: set[asyncio.Task[None]] = set()
        self._line = Line(engine.worker_count, engine.max_queue, engine.max_queue_wait_s)
        self._running = 0

    async def __aenter__(self) -> Self:
        if self._own_engine is not None:
            await self._own_engine.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(asyncio.to_thread(_end, self._pool), *self._discarding)
        if self._own_engine is not None:
            await self._own_engine.__aexit__()

    @property
    def jobs(self) -> int:
        """Give the number of jobs that were given to it and are not done."""
        return self._running + self._line.waiting

    @property
    def waiting(self) -> int:
        """Give the number of those that have not begun."""
        return self._line.waiting

    async def batch_fill(self) -> float | None:
        """Ask the engine how full its batches are, 0 to 1; None: it does not say."""
        return await models.batch_fill(self._address) if self._address else None

    async def optimize(
        self, data: bytes, policy: Policy, *, content_type: str, version: str
    ) -> Optimized:
        """Find the smallest rendition of an upload.

        Raises:
            Refused: The upload stays as it is, for whatever reason.
            Busy: The queue is full, or it took too long.
        """
        try:
            async with self._turn(pressing=False):
                return await self._run(
                    policy.limits.timeout_s, jobs.optimize_upload, data, policy, content_type,
                    version,
                )  # fmt: skip
        except WorkerLost as error:
            raise Refused(str(error)) from error

    async def restore(self, rendition: bytes, manifest: Manifest) -> tuple[bytes, bool]:
        """Make the file that GET serves; see :func:`gateway.jobs.restore_object`.

        Raises:
            UNRESTORABLE: It cannot be restored: it is damaged, its restorer is missing or cannot
                run, or the process was lost.
            Busy: The queue is full, or it took too long.
        """
        async with self._turn(pressing=True):
            return await self._run(TIMEOUT_S, jobs.restore_object, rendition, manifest.dumps())

    @contextlib.asynccontextmanager
    async def _turn(self, *, pressing: bool) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            with metrics.QUEUE_SECONDS.labels("restore" if pressing else "optimize").time():
                await stack.enter_async_context(self._line.turn(pressing=pressing))
            self._running += 1
            try:
                yield
            finally:
                self._running -= 1

    async def upscale(
        self, data: bytes, restorer: str, *, scale: int, format_: FileFormat, max_pixels: int
    ) -> bytes:
        """Enlarge an image file; see :func:`codec.enlarging.enlarge_file`.

        Args:
            data: The file, untrusted.
            restorer: Content hash of what enlarges, 16 hex digits.
            scale: Whole factor, 2 or more.
            format_: Of the result.
            max_pixels: That the result may have.

        Raises:
            NotEnlarged: The file cannot be enlarged.
            LookupError, models.EngineError, WorkerLost: The restorer is missing or cannot run, or
                the process was lost.
            Busy: The queue is full, or it took too long.
        """
        async with self._turn(pressing=False):
            return await self._run(
                TIMEOUT_S, jobs.upscale_image, data, restorer, scale, format_, max_pixels
            )

    async def _run(
        self, timeout_s: float, job: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        for _ in range(_ATTEMPTS):
            pool = self._working()
            with contextlib.suppress(_PoolLost):
                future = pool.schedule(job, args, kwargs, timeout=timeout_s)
                result: _T = await _outcome(pool, future, timeout_s)
                return result
        raise WorkerLost("the worker processes were lost again and again")

    def _working(self) -> ProcessPool:
        """Give a pool that works: pebble's breaks for good when an idle process is killed."""
        if not self._pool.active:
            _log.error("the pool of worker processes broke and is replaced")
            task = asyncio.create_task(asyncio.to_thread(_end, self._pool))
            self._discarding.add(task)
            task.add_done_callback(self._discarding.discard)
            self._pool = self._made()
        return self._pool

    def _made(self) -> ProcessPool:
        context = multiprocessing.get_context("forkserver")
        # Imported once in the fork server, so that a lost worker is replaced in milliseconds.
        context.set_forkserver_preload([jobs.__name__])
        return ProcessPool(
            max_workers=self._settings.worker_count,
            max_tasks=_MAX_TASKS,
            initializer=jobs.initialize,
            initargs=[self._settings.worker_memory, self._address],
            context=context,
        )


async def _outcome(pool: ProcessPool, future: "ProcessFuture[_T]", timeout_s: float) -> _T:
    """Wait for a job, for as long as there is a pool that can do it."""
    waited_for = asyncio.wrap_future(future)
    try:
        while not waited_for.done():
            await asyncio.wait({waited_for}, timeout=_POLL_S)
            if not waited_for.done() and not pool.active:
                raise _PoolLost
        return waited_for.result()
    except BrokenProcessPool as error:
        raise _PoolLost from error
    except ProcessExpired as error:
        metrics.WORKERS_LOST.inc()
        raise WorkerLost(f"the worker process died (exit code {error.exitcode})") from error
    except PoolTimeoutError as error:
        metrics.WORKERS_LOST.inc()
        raise WorkerLost(f"took longer than {timeout_s:g} s") from error
    except (models.Busy, models.TooLate, models.Unreachable) as error:
        raise Busy(str(error)) from error
    finally:
        # Cancelling this wait cancels the future, and with it ends the process at work.
        waited_for.cancel()


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it out
    pool.join()


__all__ = ["UNRESTORABLE", "Busy", "WorkerLost", "Workers"]
