"""What several gateway processes have done, as one set of metrics."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from gateway.telemetry import metrics

_OWN: Final = frozenset(
    {"slimgate_engine_lost", "slimgate_gateways_lost", "slimgate_processes_hung"}
)
"""Counted by the supervisor, which keeps the processes that may be lost."""

_CPU: Final = "process_cpu_seconds"
_SUMMED: Final = ("process_virtual_memory_bytes", "process_resident_memory_bytes",
                  "process_open_fds")  # fmt: skip


class Aggregate(Collector):
    """Add up what all processes have counted, those that are gone included.

    Args:
        folder: Where they count.
        pids: Gives the numbers of those that live.
    """

    def __init__(self, folder: Path, pids: Callable[[], Iterable[int]]) -> None:
        self._counted = MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]
        self._pids = pids
        self._cpu_s: dict[int, float] = {}

    def registry(self) -> CollectorRegistry:
        """Give all of it to whoever scrapes."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry

    def collect(self) -> Iterator[Metric]:
        """Give every metric once."""
        counted: Iterable[Metric] = self._counted.collect()  # type: ignore[no-untyped-call]
        yield from (family for family in counted if family.name not in _OWN)
        own = metrics.REGISTRY.collect()
        yield from (
            f for f in own if f.name in _OWN or not f.name.startswith(("slimgate_", _CPU, *_SUMMED))
        )
        yield from self._used()

    def _used(self) -> Iterator[Metric]:
        """Add up what the processes take of the machine, and the supervisor with them."""
        sums = dict.fromkeys(_SUMMED, 0.0)
        texts = {}
        for pid in {*self._pids(), os.getpid()}:
            for family in _process(pid):
                value = family.samples[0].value
                if family.name in sums:
                    sums[family.name] += value
                    texts[family.name] = family.documentation
                elif family.name == _CPU:
                    # What a process has used stays used when it is gone.
                    self._cpu_s[pid] = value
        for name, text in texts.items():
            yield GaugeMetricFamily(name, text, value=sums[name])
        total = sum(self._cpu_s.values())
        yield CounterMetricFamily(_CPU, "CPU time of all gateway processes, seconds.", value=total)


def _process(pid: int) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()
