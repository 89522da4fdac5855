"""How far an action is, from the state in the store alone."""

import asyncio
from dataclasses import dataclass
from typing import Final

from slimgate.gateway.jobs import money, report
from slimgate.gateway.jobs.opened_job import Job
from slimgate.gateway.jobs.state import done, leases
from slimgate.gateway.jobs.state.control import Control
from slimgate.gateway.jobs.state.leases import Lease
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.tally import Tally, tally

_RECENT: Final = 100
"""Shards whose ends tell the rate."""

_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Status:
    """How far an action is.

    Attributes:
        action: Folder of the action.
        control: What its processes are to do.
        retries: Number of rounds after the first.
        counted: Sums.
        held: Valid leases of shards in progress.
        rate: Objects per second of late; None: not known yet.
    """

    action: str
    control: Control
    retries: int
    counted: Tally
    held: list[Lease]
    rate: float | None

    @property
    def in_progress(self) -> int:
        """Return the number of recorded objects in shards that are not done."""
        return sum(lease.rows for lease in self.held)

    @property
    def left(self) -> int:
        """Return the number of objects that are not processed."""
        return max(self.counted.left - self.in_progress, 0)

    @property
    def eta_s(self) -> float | None:
        """Return the time until everything is done, seconds; None: not known."""
        return None if not self.rate else self.left / self.rate

    def as_json(self) -> dict[str, object]:
        """Return everything as a JSON object."""
        return {
            "action": self.action,
            "state": self.control.state,
            "reason": self.control.reason,
            "retries": self.retries,
            "shards": self.counted.shards,
            "shards_done": self.counted.shards_done,
            "workers": sorted({lease.owner for lease in self.held}),
            **report.as_json(self.counted),
            "in_progress": self.in_progress,
            "left": self.left,
            "objects_per_s": self.rate,
            "eta_s": self.eta_s,
        }

    def __str__(self) -> str:
        """Return lines for people."""
        counted = self.counted
        reason = f" ({self.control.reason})" if self.control.reason else ""
        workers = len({lease.owner for lease in self.held})
        shards = f"{counted.shards_done:,} of {counted.shards:,} shards"
        objects = f"{counted.totals.rows + self.in_progress:,} of {counted.rows:,} objects"
        saved = counted.totals.saved
        lines = [
            f"{self.action}: {self.control.state}{reason}, {workers:,} workers",
            f"  {shards}, {objects}, {counted.failed:,} failed",
            f"  {money.balance(saved)}",
        ]
        if self.rate is not None and self.eta_s is not None and self.left:
            lines.append(f"  {self.rate:,.1f} objects per second, {_time(self.eta_s)} left")
        return "".join(f"{line}\n" for line in lines)


async def status(job: Job, action: str, control: Control) -> Status:
    """Return how far an action is.

    Args:
        job: The job.
        action: Folder of the action.
        control: What its processes are to do.

    Raises:
        Damaged, Denied, S3Error: The state of the job cannot be read.
    """
    parts = await job.rounds(action)
    counted = await tally(parts)
    held = await _held(parts[-1])
    rate = await _rate(parts[-1])
    return Status(action, control, len(parts) - 1, counted, held, rate)


async def _held(part: Round) -> list[Lease]:
    finished = await done.shards(part.state)
    begun = sorted(await leases.shards(part.state) - finished)
    held: list[Lease] = []
    for first in range(0, len(begun), _AT_ONCE):
        some = begun[first : first + _AT_ONCE]
        looked = await asyncio.gather(*(leases.look(part.state, shard) for shard in some))
        held += (lease for lease in looked if lease is not None)
    return held


async def _rate(part: Round) -> float | None:
    """Return the objects per second of late, from when shards were done by the store's clock."""
    known = (await done.ends(part.state)).values()
    ends = sorted(end for end in known if end is not None)[-_RECENT:]
    if len(ends) < 2 or ends[0] == ends[-1]:
        return None
    span_s = (ends[-1] - ends[0]).total_seconds()
    return (len(ends) - 1) * part.spec.rows / part.spec.count / span_s


def _time(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours:,} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
