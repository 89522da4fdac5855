"""What the shards of one process have in common."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from slimgate.gateway.jobs.halt import FailureWatch, Halt
from slimgate.gateway.jobs.outcome import Outcome
from slimgate.gateway.jobs.pacing.concurrency import Concurrency
from slimgate.gateway.jobs.state.done import ShardTotals

CHECKPOINT_S: Final = 10.0
"""Time between checkpoints, seconds."""


class StoreAway(Exception):
    """The store does not respond; the shard is open, and what was recorded counts."""


class Watcher(Protocol):
    """Follows the work of this process."""

    def seen(self, outcome: Outcome) -> None:
        """Take the outcome of an object, also of one that an earlier process recorded."""

    def found(self, totals: ShardTotals) -> None:
        """Take the totals of a shard that another process has done meanwhile."""


class Unwatched:
    """A watcher that does nothing."""

    def seen(self, outcome: Outcome) -> None:
        """Do nothing."""

    def found(self, totals: ShardTotals) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the shards of one process have in common.

    Attributes:
        concurrency: Objects in progress.
        halt: Whether to begin no more objects.
        failures: Share of failures.
        checkpoint_s: Time between checkpoints, seconds.
        watcher: Follows the work.
    """

    concurrency: Concurrency
    halt: Halt = field(default_factory=Halt)
    failures: FailureWatch = field(default_factory=lambda: FailureWatch(1.0))
    checkpoint_s: float = CHECKPOINT_S
    watcher: Watcher = field(default_factory=Unwatched)
