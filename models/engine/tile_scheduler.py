"""Schedule the tiles of many images that wait for one network.

Every fourth tile is chosen round robin, the others from the image with the fewest tiles. Small
images thus overtake large ones, as thumbnails should, at little cost. The fourth tile prevents
starvation: while n images wait, each advances by at least one tile in 4n.
"""

import bisect
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from slimgate.models.engine.network import Pixels
from slimgate.models.engine.tiling import Tiling

_ROUND_ROBIN: Final = 4
"""Period of round-robin tiles."""


@dataclass(eq=False, slots=True)
class Job:
    """One image being computed.

    Attributes:
        number: order of arrival.
        pixels: small image, uint8, (height, width, 3).
        canvas: destination of results, uint8, (height * scale, width * scale[, 3]).
        tiling: tiles of the image.
        level: coding level, the fourth channel of tiles.
        cost: output pixels counted as in flight.
        since: start of waiting, monotonic clock, seconds.
        deadline: deadline on the same clock.
        future: future of the caller.
        taken: number of tiles already in batches.
        pasted: number of tiles already on the canvas.
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
"""One tile of a job, by its number in the tiling."""


class TileScheduler:
    """Jobs with waiting tiles, scheduled fairly.

    Attributes:
        waiting: number of waiting tiles.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._ring: deque[Job] = deque()
        self._by_length: list[Job] = []
        self._given = 0

    def join(self, job: Job) -> None:
        """Add a job."""
        self._ring.append(job)
        bisect.insort(self._by_length, job, key=_length)
        self.waiting += len(job.tiling)

    def leave(self, job: Job) -> None:
        """Remove a job; those without waiting tiles are already gone."""
        left = len(job.tiling) - job.taken
        if left:
            self.waiting -= left
            self._remove(job)

    def take(self, most: int) -> list[Ticket]:
        """Return the next tiles in order."""
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
