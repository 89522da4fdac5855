"""Keep the books of the images in flight: who is let in, what is due, and how each one ends."""

import itertools
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial

from models.engine.network import Busy, EngineError, Pixels, TooLate
from models.engine.tile_scheduler import Job, Ticket, Turns


@dataclass(frozen=True, slots=True)
class Counters:
    """What a queue has done so far.

    Every image that was taken is finished, failed, late, cancelled, or still in flight.

    Attributes:
        batches: Batches that were computed.
        tiles: Tiles in them.
        slots: Tiles that would have fitted into them.
        halvings: Batches that did not fit into memory.
        taken: Images that were taken.
        refused: Images for which there was no room.
        finished: Images whose result was handed over.
        failed: Images lost to a fault, or to the closing of the queue.
        late: Images whose deadline passed.
        cancelled: Images that their caller gave up.
        waiting_pixels: Pixels of the images in flight, enlarged and in whole tiles.
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
        """Share of the slots that held a tile, 0 to 1."""
        return self.tiles / self.slots if self.slots else 0.0

    def plus(self, **more: int) -> "Counters":
        """Give the counters after some of them have grown."""
        return replace(self, **{name: getattr(self, name) + by for name, by in more.items()})


class InFlight:
    """Hold all images that have been taken and not been settled; may be shared by threads.

    Futures are settled without holding the lock, because their callbacks may do anything.

    Args:
        max_pixels: Most pixels in flight; a larger image is let in alone.
        max_wait_s: For how long a tile waits for a full batch.
    """

    def __init__(self, *, max_pixels: int, max_wait_s: float) -> None:
        self._max_pixels = max_pixels
        self._max_wait_s = max_wait_s
        self._numbers = itertools.count()
        self._jobs: dict[int, Job] = {}  # in the order of arrival
        self._turns = Turns()
        self._counters = Counters()
        self._closed = False
        self._changed = threading.Condition()

    @property
    def counters(self) -> Counters:
        """Give all counters as they are at this moment."""
        return self._counters

    @property
    def closed(self) -> bool:
        """Whether nothing is let in any more."""
        return self._closed

    def count(self, **more: int) -> None:
        """Let counters grow."""
        with self._changed:
            self._counters = self._counters.plus(**more)

    def reserve(self, cost: int) -> int:
        """Let an image in that will be added or withdrawn soon.

        Args:
            cost: Its pixels.

        Returns:
            Its number.

        Raises:
            Busy: There is no room.
            EngineError: The queue is closed.
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
        """Give back what was reserved for an image that failed before it could be added."""
        self.count(failed=1, waiting_pixels=-cost)

    def add(self, job: Job) -> None:
        """Let the tiles of an image take part.

        Raises:
            EngineError: The queue is closed.
        """
        with self._changed:
            self._check_open()
            self._jobs[job.number] = job
            self._turns.join(job)
            self._changed.notify()
        # By number: a future that held its job would keep the small image as long as itself.
        job.future.add_done_callback(partial(self._given_up, job.number))

    def holds(self, job: Job) -> bool:
        """Whether somebody still waits for that image."""
        with self._changed:
            return job.number in self._jobs

    def due(self, most: int) -> list[Ticket]:
        """Wait for something to happen, and give the next batch if it is time for one.

        Images whose deadline has passed are settled on the way.

        Args:
            most: Tiles that make a batch full.

        Returns:
            Tiles, or nothing: then ask again.
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
        """Hand over the canvas, or an error; whoever settles an image first wins."""
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
        """Let nothing in any more and fail what is here."""
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
        """Tell after how many seconds there is something to do; None: once something comes."""
        if self._turns.waiting >= most:
            return 0
        if not self._jobs:
            return None
        oldest = next(iter(self._jobs.values()))
        deadline = min(job.deadline for job in self._jobs.values())
        return max(0, min(oldest.since + self._max_wait_s, deadline) - now)


def _shut() -> EngineError:
    return EngineError("the queue has been closed: this process is about to end; ask another one")
