from prometheus_client import CollectorRegistry, Counter, Gauge

from slimgate.gateway.admin.savings import Saving, Spared, by_bucket, queued, spared
from slimgate.gateway.telemetry.bucket_savings import MAX_BUCKETS, OTHERS, BucketSavings
from slimgate.gateway.telemetry.metrics import REGISTRY


def test_buckets_are_bounded() -> None:
    """The number of time series is bounded; further buckets are summed."""
    before = by_bucket(REGISTRY.collect()).get(OTHERS, Saving())
    buckets = BucketSavings()
    for number in range(MAX_BUCKETS + 2):
        buckets.note(f"bounded-{number}", 10, 4)
    buckets.note("bounded-0", 100, 4)
    found = by_bucket(REGISTRY.collect())
    assert len([name for name in found if name.startswith("bounded-")]) == MAX_BUCKETS
    assert found["bounded-0"] == Saving(110, 8, 2)
    assert (found[OTHERS].saved - before.saved, found[OTHERS].images - before.images) == (12, 2)


def test_processes_are_summed_up() -> None:
    """Counts of several processes are summed, largest saving first."""
    families = []
    for _ in range(2):
        registry = CollectorRegistry()
        for name, value in (("uploaded_bytes", 5), ("stored_bytes", 2), ("images", 1)):
            counter = Counter(f"slimgate_bucket_{name}", "…", ["bucket"], registry=registry)
            counter.labels("a").inc(value)
            counter.labels("b").inc(2 * value)
        families += list(registry.collect())
    found = by_bucket(families)
    assert found == {"b": Saving(20, 8, 4), "a": Saving(10, 4, 2)}
    assert list(found) == ["b", "a"]


def test_the_queue_is_counted_once() -> None:
    """All processes measure the same queue."""
    families = []
    for value in (7, 6):
        registry = CollectorRegistry()
        Gauge("slimgate_deferred_queued", "…", registry=registry).set(value)
        families += list(registry.collect())
    assert (queued(families), queued([])) == (7, 0)


def test_spared_egress_is_summed_up() -> None:
    """Reads of all codecs and bytes of all processes count."""
    families = []
    for codec in ("avif", "webp"):
        registry = CollectorRegistry()
        Counter("slimgate_negotiated_requests", "…", ["codec"], registry=registry).labels(
            codec
        ).inc(3)
        Counter("slimgate_negotiated_bytes_spared", "…", registry=registry).inc(500)
        families += list(registry.collect())
    assert (spared(families), spared([])) == (Spared(6, 1000), Spared(0, 0))
