"""The worker processes of a pool: those at work, and those that wait for a job."""

import asyncio

import structlog

from slimgate.gateway.workers.worker_process import WorkerProcess, WorkerSpec

_log = structlog.get_logger(__name__)


class WorkerProcesses:
    """Keep worker processes between jobs, and replace those that are lost or spent.

    Args:
        most: Processes to keep.

    Attributes:
        busy: Processes at work.
    """

    def __init__(self, most: int) -> None:
        self.busy: set[WorkerProcess] = set()
        self._most = most
        self._idle: list[WorkerProcess] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def wait_for_room(self) -> None:
        """Wait while many processes are ending: each holds file descriptors until it has.

        Clients that cancel their requests can end processes faster than others can be started.
        """
        while len(self._ending) > self._most:
            await asyncio.wait(self._ending, return_when=asyncio.FIRST_COMPLETED)

    def take(self, spec: WorkerSpec, *, fresh: bool = False) -> WorkerProcess:
        """Take the most recently used idle process, or start one.

        Args:
            spec: How it works.
            fresh: Take one that has not run a job yet.

        Raises:
            OSError: Processes or file descriptors are short.
        """
        worker: WorkerProcess | None = None
        while worker is None and (found := self._last_idle(spec)):
            self._idle.remove(found)
            if found.is_usable and (found.is_fresh or not fresh):
                worker = found
            else:
                self._end(found)
        is_full = len(self._idle) + len(self.busy) >= self._most
        if worker is None and self._idle and is_full:
            self._end(self._idle.pop(0))  # it works in another way
        worker = worker or WorkerProcess(spec)
        self.busy.add(worker)
        return worker

    def put_back(self, worker: WorkerProcess) -> None:
        """Keep a process for the next job, or replace it if another one can be started."""
        self.busy.discard(worker)
        if worker.is_usable:
            self._idle.append(worker)
            return
        self._end(worker)
        if self._closed:
            return
        try:
            self._idle.append(WorkerProcess(worker.spec))
        except OSError as error:  # the next job tries again
            _log.warning("worker not replaced", reason=str(error))

    async def close(self) -> None:
        """End all processes."""
        self._closed = True
        ended = (worker.end() for worker in (*self._idle, *self.busy))
        await asyncio.gather(*ended, *self._ending)

    def _last_idle(self, spec: WorkerSpec) -> WorkerProcess | None:
        return next((each for each in reversed(self._idle) if each.spec == spec), None)

    def _end(self, worker: WorkerProcess) -> None:
        task = asyncio.create_task(worker.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
