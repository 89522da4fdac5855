"""Metrics of an engine, in the format of Prometheus."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from slimgate.models.engine.inflight import Counters
from slimgate.models.serving.api import EngineApi

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class EngineMetrics(Collector):
    """Reads the counters of an engine when it is scraped.

    Args:
        api: answers requests.
        counters: returns the counters of each network's queue, by hash.
    """

    def __init__(self, api: EngineApi, counters: Callable[[], Mapping[str, Counters]]) -> None:
        self._api = api
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        queues = list(self._counters().values())
        yield _gauge(
            "queue_length", "Images accepted and not finished.", self._api.admission.images
        )
        ready = self._api.not_ready_reason is None
        yield _gauge("ready", "1 while the engine takes images, else 0.", ready)
        images = CounterMetricFamily(
            "slimgate_engine_images",
            "Images: finished, failed, late (deadline passed), cancelled (the caller is gone) or "
            "refused (no room).",
            labels=["outcome"],
        )
        for outcome in ("finished", "failed", "late", "cancelled", "refused"):
            total = sum(getattr(each, outcome) for each in queues)
            refused = self._api.admission.refused if outcome == "refused" else 0
            images.add_metric([outcome], total + refused)
        yield images
        yield _counter("batches", "Batches computed.", sum(each.batches for each in queues))
        yield _counter("tiles", "Tiles computed.", sum(each.tiles for each in queues))
        slots = sum(each.slots for each in queues)
        yield _counter("batch_slots", "Capacity of the batches computed, tiles.", slots)


def registry(
    api: EngineApi, counters: Callable[[], Mapping[str, Counters]]
) -> tuple[CollectorRegistry, Histogram]:
    """Return the registry of an engine, and its histogram of times.

    Args:
        api: answers requests.
        counters: returns the counters of each network's queue, by hash.
    """
    found = CollectorRegistry()
    ProcessCollector(registry=found)
    PlatformCollector(registry=found)
    found.register(EngineMetrics(api, counters))
    seconds = Histogram(
        "slimgate_engine_image_duration_seconds",
        "Time from request head to the enlarged image, seconds.",
        buckets=_SECONDS,
        registry=found,
    )
    return found, seconds


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"slimgate_engine_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"slimgate_engine_{name}", text, value=value)
