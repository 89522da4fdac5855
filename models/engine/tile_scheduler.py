"""Decide whose tile is computed next when many images wait for one network.

Every fourth tile goes round robin, all others to the image of the fewest tiles. A small image thus
overtakes the large ones, which is what somebody who waits for a thumbnail wants, and costs them
little. The fourth tile keeps the large ones from starving however many small ones come: while n
images wait, each advances by at least one tile in 4n.
"""

import bisect
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from models.engine.network import Pixels
from models.engine.tiling import Tiling

_ROUND_ROBIN: Final = 4
"""One tile of so many is given round robin."""


@dataclass(eq=False, slots=True)
class Job:
    """One image on its way through a network.

    Attributes:
        number: In the order of arrival.
        pixels: The small image, uint8, (height, width, 3).
        canvas: Where results go, uint8, (height * scale, width * scale[, 3]).
        tiling: How the image is cut.
        level: What the fourth channel of its tiles is filled with.
        cost: Pixels that it stands for among those in flight.
        since: When it began to wait, seconds of the monotonic clock.
        deadline: When nobody wants it any more, on the same clock.
        future: What the caller waits for.
        taken: Tiles that have been given to a batch.
        pasted: Tiles whose results are on the canvas.
    """

    number: int
    pixels: Pixels
    canvas: Pixels
    tiling: Tiling
    level: int
    cost: int
    since: float
    deadline: float
    future: Future[Pixels] = field(default_factory=Future)
    taken: int = 0
    pasted: int = 0


Ticket = tuple[Job, int]
"""One tile of one job, by its number in the tiling."""


class Turns:
    """Hold the jobs that have tiles to give, and take tiles from them in a fair order.

    Attributes:
        waiting: Tiles that may be taken.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._ring: deque[Job] = deque()
        self._by_length: list[Job] = []
        self._given = 0

    def join(self, job: Job) -> None:
        """Let a job take part."""
        self._ring.append(job)
        bisect.insort(self._by_length, job, key=_length)
        self.waiting += len(job.tiling)

    def leave(self, job: Job) -> None:
        """Forget the rest of a job; one that has none left has gone already."""
        left = len(job.tiling) - job.taken
        if left:
            self.waiting -= left
            self._remove(job)

    def take(self, most: int) -> list[Ticket]:
        """Take the next tiles, in the order of their turns."""
        return [self._next() for _ in range(min(most, self.waiting))]

    def _next(self) -> Ticket:
        self._given += 1
        if self._given % _ROUND_ROBIN:
            job = self._by_length[0]
        else:
            job = self._ring[0]
            self._ring.rotate(-1)
        ticket = job, job.taken
        job.taken += 1
        self.waiting -= 1
        if job.taken == len(job.tiling):
            self._remove(job)
        return ticket

    def _remove(self, job: Job) -> None:
        self._ring.remove(job)
        self._by_length.remove(job)


def _length(job: Job) -> tuple[int, int]:
    return len(job.tiling), job.number
