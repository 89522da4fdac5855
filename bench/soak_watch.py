"""Monitor a gateway under load: memory, file descriptors, tasks, connections."""

import asyncio
import statistics
import time
import urllib.request
from collections.abc import Sequence
from typing import Final, NamedTuple

import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.gateway import GatewayProcess

_EVERY_S: Final = 2.0
_MIB: Final = 2.0**20


class Sample(NamedTuple):
    """One sample.

    Attributes:
        at_s: time, seconds.
        own_mib: resident memory of the gateway's process, MiB.
        children_mib: resident memory of its child processes, MiB.
        files: open file descriptors of all processes.
        tasks: tasks of the event loop.
        connections: client connections.
    """

    at_s: float
    own_mib: float
    children_mib: float
    files: int
    tasks: int
    connections: int


class Watch:
    """Samples a gateway periodically.

    Args:
        process: gateway with an admin listener.
    """

    def __init__(self, process: GatewayProcess) -> None:
        self._process = process
        self._url = f"http://{process.wait_for('listening for operators')['address']}/metrics"
        self.samples: list[Sample] = []

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            self.samples.append(await asyncio.to_thread(self.look))
            await asyncio.sleep(_EVERY_S)

    def look(self) -> Sample:
        """Take a sample."""
        own, whole = self._process.rss()
        counts = self._counts()
        return Sample(
            at_s=time.monotonic(),
            own_mib=own / _MIB,
            children_mib=(whole - own) / _MIB,
            files=sum(map(_files, [psutil.Process(self._process.process.pid)])),
            tasks=int(counts["slimgate_tasks"]),
            connections=int(counts["slimgate_connections"]),
        )

    def _counts(self) -> dict[str, float]:
        with urllib.request.urlopen(self._url, timeout=30) as response:  # noqa: S310  # loopback
            text = response.read().decode()
        families = text_string_to_metric_families(text)
        return {s.name: s.value for family in families for s in family.samples if not s.labels}


def _files(process: psutil.Process) -> int:
    count: int = process.num_fds()
    return count


def slope(samples: Sequence[Sample], field: str) -> float:
    """Return the slope of the least-squares line through a field, per minute."""
    minutes = [sample.at_s / 60 for sample in samples]
    fitted = statistics.linear_regression(minutes, [getattr(s, field) for s in samples])
    return fitted.slope
