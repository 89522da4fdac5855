"""Jobs of each client, waiting and running."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from slimgate.codec.reasons import Reason
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers.fair_shares import Client


class Busy(Exception):
    """The queue is full, or the job waited too long.

    Args:
        text: What is short.
        reason: Why an upload that had to wait stays as it is.
    """

    def __init__(self, text: str, reason: Reason = Reason.BUSY) -> None:
        super().__init__(text)
        self.reason = reason


class ClientBusy(Busy):
    """A client has as many jobs as it may; others may still have theirs."""


class ClientJobs:
    """Bound the jobs of each client.

    Args:
        per_address: Most jobs of an address; None: no limit.
        per_identity: Most jobs of an identity; None: no limit.
    """

    def __init__(self, per_address: int | None = None, per_identity: int | None = None) -> None:
        self._limits = (("address", per_address), ("identity", per_identity))
        self._jobs: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def counted(self, client: Client) -> Iterator[None]:
        """Count a job during the block.

        Raises:
            ClientBusy: The client has as many as it may.
        """
        whose = [
            (kind, name, most)
            for kind, most in self._limits
            if most is not None and (name := getattr(client, kind))
        ]
        for kind, name, most in whose:
            if self._jobs[kind, name] >= most:
                metrics.LIMITED.labels(f"{kind} jobs").inc()
                raise ClientBusy(f"one {kind} has {most} images waiting or in workers")
        names = [(kind, name) for kind, name, _ in whose]
        self._jobs.update(names)
        try:
            yield
        finally:
            self._jobs.subtract(names)
            for each in names:
                if not self._jobs[each]:
                    del self._jobs[each]
