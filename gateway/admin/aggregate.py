"""Aggregate the metrics of several gateway processes."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from slimgate.gateway.telemetry import metrics

_OWN: Final = frozenset(
    {"slimgate_engine_lost", "slimgate_gateways_lost", "slimgate_processes_hung"}
)
"""Counted by the supervisor, which keeps these processes."""

_CPU: Final = "process_cpu_seconds"
_SUMMED: Final = ("process_virtual_memory_bytes", "process_resident_memory_bytes",
                  "process_open_fds")  # fmt: skip


class Aggregate(Collector):
    """Sum the metrics of all processes, ended ones included.

    Args:
        folder: Folder of their metric files.
        pids: Returns the PIDs of running processes.
    """

    def __init__(self, folder: Path, pids: Callable[[], Iterable[int]]) -> None:
        self._counted = MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]
        self._pids = pids
        self._cpu_s: dict[int, float] = {}

    def registry(self) -> CollectorRegistry:
        """Return a registry with the aggregated metrics."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry

    def collect(self) -> Iterator[Metric]:
        """Yield every metric once."""
        counted: Iterable[Metric] = self._counted.collect()  # type: ignore[no-untyped-call]
        yield from (family for family in counted if family.name not in _OWN)
        own = metrics.REGISTRY.collect()
        yield from (
            f for f in own if f.name in _OWN or not f.name.startswith(("slimgate_", _CPU, *_SUMMED))
        )
        yield from self._used()

    def _used(self) -> Iterator[Metric]:
        """Yield the summed resource usage of the supervisor and its processes."""
        sums = dict.fromkeys(_SUMMED, 0.0)
        texts = {}
        for pid in {*self._pids(), os.getpid()}:
            for family in _process(pid):
                value = family.samples[0].value
                if family.name in sums:
                    sums[family.name] += value
                    texts[family.name] = family.documentation
                elif family.name == _CPU:
                    # CPU time of ended processes still counts.
                    self._cpu_s[pid] = value
        for name, text in texts.items():
            yield GaugeMetricFamily(name, text, value=sums[name])
        total = sum(self._cpu_s.values())
        yield CounterMetricFamily(_CPU, "CPU time of all gateway processes, seconds.", value=total)


def _process(pid: int) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()
