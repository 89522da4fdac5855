"""The pool of worker processes, which decode all images."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

import structlog

from slimgate import models
from slimgate.codec.image.memory import OutOfMemory
from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import LOSSY_STEPS, Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.restore.restore import DamagedRendition, DigestMismatch
from slimgate.codec.search import memory_needs
from slimgate.codec.search.allowed_steps import EXACT, LEPTON, LOSSLESS
from slimgate.codec.upscale_file import FileFormat, TooLarge
from slimgate.config import Engine, Policy
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers.client_jobs import Busy, ClientJobs
from slimgate.gateway.workers.engine_process import TIMEOUT_S, EngineProcess
from slimgate.gateway.workers.job_queue import JobQueue
from slimgate.gateway.workers.job_values import (
    MAX_THREADS,
    Job,
    LargeImage,
    OptimizeJob,
    RestoreJob,
    Result,
    UpscaleJob,
)
from slimgate.gateway.workers.supervised_process import HEARTBEAT_TIMEOUT_S
from slimgate.gateway.workers.worker_process import (
    WorkerDied,
    WorkerGone,
    WorkerLost,
    WorkerProcess,
    WorkerSpec,
)
from slimgate.gateway.workers.worker_processes import WorkerProcesses
from slimgate.gateway.workers.worker_start import check_started

_ATTEMPTS: Final = 3
"""Attempts when idle processes turn out to be dead."""

_REPEATS: Final = 3
"""Retries of an upload whose process died; the last one uses lossless steps only."""

_LOSSLESS_STEPS: Final = frozenset({EXACT, LEPTON, LOSSLESS})

_MAX_BYTES_PER_PIXEL: Final = 6
"""Of an enlarged file: four samples that no format makes smaller, and what surrounds them."""

_log = structlog.get_logger(__name__)

UNRESTORABLE: Final = (DamagedRendition, DigestMismatch, LookupError, models.EngineError)
"""Raised by :meth:`Workers.restore` when a rendition cannot be restored."""


class NotRestored(Exception):
    """Memory, time or processes were short; says nothing about the object."""


class Workers:
    """Run jobs in expendable processes.

    Args:
        engine: Worker count, worker memory, and queue limits.
        restorers: Hashes of networks to load at start.
        address: Socket of a shared engine process; None: start one.
        heartbeat_timeout_s: Silence after which the own engine process counts as hung, seconds.
        jobs: Bounds the jobs of each client.
    """

    def __init__(
        self,
        engine: Engine,
        restorers: Collection[str] = (),
        *,
        address: Path | None = None,
        heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S,
        jobs: ClientJobs | None = None,
    ) -> None:
        self._own_engine = (
            EngineProcess(engine, restorers, heartbeat_timeout_s) if address is None else None
        )
        self._address = self._own_engine.address if self._own_engine else address
        assert self._address is not None  # noqa: S101  # one of the two is set
        speed = models.speed_of(engine)
        _log.info("engine", backend=engine.backend, speed=speed)
        self._spec = WorkerSpec(engine.worker_memory, self._address, speed, engine.sandbox)
        self._workers = engine.worker_count
        self._processes = WorkerProcesses(engine.worker_count)
        self._queue = JobQueue(
            engine.worker_count, engine.max_queue, engine.max_queue_wait_s, jobs=jobs
        )
        self._running = 0
        self._large = asyncio.Lock()
        self._max_wait_s = engine.max_queue_wait_s

    async def __aenter__(self) -> Self:
        """Start the engine, and a worker.

        Raises:
            CannotStart: The engine does not start, or workers cannot be confined as required.
        """
        worker = WorkerProcess(self._spec)  # beside the engine: either takes a second
        self._processes.put_back(worker)
        try:
            if self._own_engine is not None:
                await self._own_engine.__aenter__()
        except CannotStart:
            await self._processes.close()
            raise
        try:
            await check_started(worker)
        except CannotStart:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._processes.close()
        if self._own_engine is not None:
            await self._own_engine.__aexit__()

    @property
    def jobs(self) -> int:
        """Return the number of running and waiting jobs."""
        return self._running + self._queue.waiting

    @property
    def waiting(self) -> int:
        """Return the number of waiting jobs."""
        return self._queue.waiting

    @property
    def _threads(self) -> int:
        """Return how many threads a job may have, so that no core is idle and none is shared."""
        return max(1, min(MAX_THREADS, self._workers // max(1, self._running)))

    @property
    def steps(self) -> list[str]:
        """Return the current step of each running job; empty: unknown."""
        return [worker.step for worker in self._processes.busy]

    async def engine_status(self) -> models.EngineStatus | None:
        """Return what the engine process does; None: unknown."""
        return await models.engine_status(self._address) if self._address else None

    async def optimize(
        self, data: bytes, policy: Policy, *, content_type: str, version: str
    ) -> Optimized:
        """Find the smallest rendition of an upload.

        If the process dies, another one retries without the step that killed it; after a timeout,
        with lossless steps only. Jobs that need more than the ordinary amount of memory run one at
        a time, and hold no worker while they wait.

        Raises:
            Refused: The upload stays as it is; the message says why.
            Busy: The queue is full, or the wait took too long.
        """
        arguments = (data, policy, content_type, version)
        try:
            return await self._optimized(*arguments, may_be_large=False)
        except LargeImage:
            async with self._alone():
                return await self._optimized(*arguments, may_be_large=True)

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Let one job at a time take more than the ordinary amount of memory.

        Raises:
            Busy: The wait for other large images took too long.
        """
        try:
            async with asyncio.timeout(self._max_wait_s):
                await self._large.acquire()
        except TimeoutError as error:
            raise Busy("other large images were before it for too long") from error
        try:
            yield
        finally:
            self._large.release()

    async def _optimized(
        self, data: bytes, policy: Policy, content_type: str, version: str, *, may_be_large: bool
    ) -> Optimized:
        ruled_out: frozenset[str] = frozenset()
        losses: list[WorkerLost] = []
        async with self._slot(urgent=False):
            started = time.monotonic()
            for repeat in itertools.count(1):
                try:
                    job = OptimizeJob(
                        policy, content_type, version, ruled_out, may_be_large, self._threads
                    )
                    result, file = await self._run(
                        policy.limits.wall_s, job, data, len(data),
                        fresh=repeat > 1, programs=policy.floor.text is not None,
                    )  # fmt: skip
                    return result.optimized(file)
                except Refused as refused:
                    if not losses:
                        raise
                    # The first loss explains more than the final refusal.
                    detail = f"{losses[0].detail}; then {refused}"
                    raise refused.because(losses[0].reason, detail) from refused
                except WorkerLost as lost:
                    losses.append(lost)
                    late = time.monotonic() - started > policy.limits.wall_s
                    last = late or repeat >= _REPEATS
                    if ruled_out >= LOSSY_STEPS or (last and lost.step in _LOSSLESS_STEPS):
                        raise Refused(lost.reason, lost.detail) from lost
                    ruled_out = _without(ruled_out, lost.step, last=last)
                    _log.warning("job retried", reason=str(lost), without=sorted(ruled_out))
        raise AssertionError  # the last repeat returns or raises

    async def restore(self, rendition: bytes, manifest: Manifest) -> tuple[bytes, bool]:
        """Restore the file that GET serves.

        See :func:`slimgate.gateway.workers.jobs.restore_object`.

        After a crash or lack of memory, a fresh process retries once.

        Raises:
            UNRESTORABLE: The rendition is damaged, or its restorer is missing or cannot run.
            NotRestored: Memory, time or processes were short; says nothing about the object.
            Busy: The queue is full, or the wait took too long.
        """
        need = memory_needs.to_restore(manifest)
        if need <= memory_needs.ORDINARY:
            return await self._restored(rendition, manifest, may_be_large=False)
        async with self._alone():
            return await self._restored(rendition, manifest, may_be_large=True)

    async def _restored(
        self, rendition: bytes, manifest: Manifest, *, may_be_large: bool
    ) -> tuple[bytes, bool]:
        async with self._slot(urgent=True):
            try:
                job = RestoreJob(manifest, may_be_large, self._threads)
                result, file = await self._twice(job, rendition, manifest.size)
            except OutOfMemory as error:
                raise NotRestored(f"{error}: see engine.worker_memory") from error
            except WorkerLost as error:
                raise NotRestored(str(error)) from error
        return file, result.as_recorded

    @contextlib.asynccontextmanager
    async def _slot(self, *, urgent: bool) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            with metrics.QUEUE_SECONDS.labels("restore" if urgent else "optimize").time():
                await stack.enter_async_context(self._queue.slot(urgent=urgent))
            self._running += 1
            try:
                yield
            finally:
                self._running -= 1

    async def upscale(
        self, data: bytes, restorer: str, *, scale: int, format_: FileFormat, max_pixels: int
    ) -> bytes:
        """Upscale an image file; see :func:`slimgate.codec.upscale_file.enlarge_file`.

        Args:
            data: The file, untrusted.
            restorer: Content hash of the upscaler, 16 hex digits.
            scale: Integer factor, 2 or more.
            format_: Output format.
            max_pixels: Most pixels of the output.

        Raises:
            NotEnlarged: The file cannot be upscaled.
            LookupError, models.EngineError, WorkerLost: The restorer is missing or cannot run, or
                the process was lost.
            Busy: The queue is full, or the wait took too long.
        """
        job = UpscaleJob(restorer, scale, format_, max_pixels)
        most = _MAX_BYTES_PER_PIXEL * max_pixels + len(data)
        async with self._slot(urgent=False):
            try:
                _, file = await self._twice(job, data, most)
            except OutOfMemory as error:
                reason = "the image is too large for engine.worker_memory"
                raise TooLarge(f"out of memory: {reason}") from error
        return file

    async def _twice(self, job: Job, data: bytes, max_body: int) -> tuple[Result, bytes]:
        """Run a job; retry once in a fresh process after a crash or lack of memory."""
        try:
            return await self._run(TIMEOUT_S, job, data, max_body)
        except (OutOfMemory, WorkerDied) as error:
            _log.warning("job retried", reason=str(error))
            return await self._run(TIMEOUT_S, job, data, max_body, fresh=True)

    async def _run(
        self, timeout_s: float, job: Job, data: bytes, max_body: int, *, fresh: bool = False,
        programs: bool = False,
    ) -> tuple[Result, bytes]:  # fmt: skip
        spec = replace(self._spec, programs=programs)
        for _ in range(_ATTEMPTS):
            await self._processes.wait_for_room()
            try:
                worker = self._processes.take(spec, fresh=fresh)
            except OSError as error:
                raise WorkerLost(Reason.WORKER_LOST, f"no process: {error.strerror}") from error
            try:
                with contextlib.suppress(WorkerGone):
                    return await worker.run(timeout_s, job, data, max_body)
            except (models.Busy, models.TooLate, models.Unreachable, models.OutOfMemory) as error:
                raise Busy(str(error), Reason.ENGINE) from error
            finally:
                self._processes.put_back(worker)
        raise WorkerLost(Reason.WORKER_LOST, "processes were lost again and again")


def _without(ruled_out: frozenset[str], step: str, *, last: bool) -> frozenset[str]:
    """Rule out the step that killed a process; all lossy steps if unknown, or the last time."""
    if last or not step or step in ruled_out:
        return ruled_out | LOSSY_STEPS | {step}
    return ruled_out | {step}


__all__ = ["UNRESTORABLE", "Busy", "NotRestored", "WorkerLost", "Workers"]
