"""Track images in flight: admission, due batches, and completion."""

import itertools
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial

from slimgate.models.engine.network import Busy, EngineError, Pixels, TooLate
from slimgate.models.engine.tile_scheduler import Job, Ticket, TileScheduler


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters of a queue.

    Every accepted image is finished, failed, late, cancelled, or in flight.

    Attributes:
        batches: batches computed.
        tiles: tiles in them.
        slots: capacity of them, in tiles.
        halvings: batches that ran out of memory.
        taken: images accepted.
        refused: images refused for lack of room.
        finished: images with a result.
        failed: images lost to a failure, or to closing the queue.
        late: images past their deadline.
        cancelled: images cancelled by the caller.
        waiting_pixels: output pixels in flight, in whole tiles.
    """

    batches: int = 0
    tiles: int = 0
    slots: int = 0
    halvings: int = 0
    taken: int = 0
    refused: int = 0
    finished: int = 0
    failed: int = 0
    late: int = 0
    cancelled: int = 0
    waiting_pixels: int = 0

    @property
    def fill(self) -> float:
        """Return the share of slots that held a tile, 0 to 1."""
        return self.tiles / self.slots if self.slots else 0.0

    def plus(self, **more: int) -> "Counters":
        """Return the counters with some of them increased."""
        return replace(self, **{name: getattr(self, name) + by for name, by in more.items()})


class InFlight:
    """All accepted and incomplete images; thread-safe.

    Futures complete outside the lock, because their callbacks may do anything.

    Args:
        max_pixels: maximum output pixels in flight; a larger image is accepted alone.
        max_wait_s: maximum wait of a tile for a full batch, seconds.
    """

    def __init__(self, *, max_pixels: int, max_wait_s: float) -> None:
        self._max_pixels = max_pixels
        self._max_wait_s = max_wait_s
        self._numbers = itertools.count()
        self._jobs: dict[int, Job] = {}  # in the order of arrival
        self._turns = TileScheduler()
        self._counters = Counters()
        self._closed = False
        self._changed = threading.Condition()

    @property
    def counters(self) -> Counters:
        """Return a snapshot of all counters."""
        return self._counters

    @property
    def closed(self) -> bool:
        """Return whether new images are refused."""
        return self._closed

    def count(self, **more: int) -> None:
        """Increase counters."""
        with self._changed:
            self._counters = self._counters.plus(**more)

    def reserve(self, cost: int) -> int:
        """Reserve room for an image that will be added or withdrawn soon.

        Args:
            cost: output pixels of the image.

        Returns:
            Its number.

        Raises:
            Busy: no room.
            EngineError: the queue is closed.
        """
        with self._changed:
            self._check_open()
            waiting = self._counters.waiting_pixels
            if waiting and waiting + cost > self._max_pixels:
                self.count(refused=1)
                raise Busy(
                    f"{waiting} pixels are in flight, and {cost} more would exceed the limit of "
                    f"{self._max_pixels}: try again later, or raise the limit"
                )
            self.count(taken=1, waiting_pixels=cost)
            return next(self._numbers)

    def withdraw(self, cost: int) -> None:
        """Release the reservation of an image that failed before it was added."""
        self.count(failed=1, waiting_pixels=-cost)

    def add(self, job: Job) -> None:
        """Queue the tiles of an image.

        Raises:
            EngineError: the queue is closed.
        """
        with self._changed:
            self._check_open()
            self._jobs[job.number] = job
            self._turns.join(job)
            self._changed.notify()
        # By number: a future that refers to its job would keep the small image alive.
        job.future.add_done_callback(partial(self._given_up, job.number))

    def holds(self, job: Job) -> bool:
        """Return whether an image is still wanted."""
        with self._changed:
            return job.number in self._jobs

    def due(self, most: int) -> list[Ticket]:
        """Wait for an event, and return the next batch if one is due.

        Images past their deadline are completed on the way.

        Args:
            most: tiles in a full batch.

        Returns:
            Tiles, or nothing: then call again.
        """
        now = time.monotonic()
        for job in self._late(now):
            self.settle(job, TooLate("the deadline passed while the image was being restored"))
        with self._changed:
            if self._closed:
                return []
            wait_s = self._wait_s(most, now)
            if wait_s != 0:
                self._changed.wait(wait_s)
                return []
            return self._turns.take(most)

    def settle(self, job: Job, error: EngineError | None = None) -> None:
        """Complete an image with its canvas or an error; the first completion wins."""
        with self._changed:
            if self._jobs.pop(job.number, None) is None:
                return
            self._turns.leave(job)
        free = {"waiting_pixels": -job.cost}
        if not job.future.set_running_or_notify_cancel():
            self.count(cancelled=1, **free)
        elif error is None:
            self.count(finished=1, **free)
            job.future.set_result(job.canvas)
        else:
            self.count(**{"late" if isinstance(error, TooLate) else "failed": 1}, **free)
            job.future.set_exception(error)

    def close(self) -> None:
        """Refuse new images and fail those in flight."""
        with self._changed:
            self._closed = True
            jobs = list(self._jobs.values())
            self._changed.notify()
        for job in jobs:
            self.settle(job, _shut())

    def _check_open(self) -> None:
        if self._closed:
            raise _shut()

    def _given_up(self, number: int, _: Future[Pixels]) -> None:
        with self._changed:
            job = self._jobs.get(number)
        if job is not None:
            self.settle(job)

    def _late(self, now: float) -> list[Job]:
        with self._changed:
            return [job for job in self._jobs.values() if job.deadline <= now]

    def _wait_s(self, most: int, now: float) -> float | None:
        """Return the seconds until something is due; None: wait for the next event."""
        if self._turns.waiting >= most:
            return 0
        if not self._jobs:
            return None
        oldest = next(iter(self._jobs.values()))
        deadline = min(job.deadline for job in self._jobs.values())
        return max(0, min(oldest.since + self._max_wait_s, deadline) - now)


def _shut() -> EngineError:
    return EngineError("the queue is closed because this process is stopping: ask another one")
