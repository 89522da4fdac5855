"""What the gateway counts, under the names that dashboards and alerts use.

Labels take their values from closed sets or from the configuration, never from what clients send:
a client must not be able to make time series. The exception are buckets, of which
:mod:`gateway.admin.savings` names a bounded number that exist.
"""

import functools
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

REGISTRY: Final = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

METRICS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that tells prometheus_client to count in files, where all can be added up."""

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"slimgate_{name}", text, labels, registry=REGISTRY)


def _gauge(
    name: str, text: str, *labels: str, of_several: Literal["livesum", "livemax"] = "livesum"
) -> Gauge:
    """Make a gauge; where several processes have one, operators see the sum, or the largest."""
    return Gauge(f"slimgate_{name}", text, labels, registry=REGISTRY, multiprocess_mode=of_several)


def _histogram(name: str, text: str, *labels: str) -> Histogram:
    return Histogram(f"slimgate_{name}", text, labels, buckets=_SECONDS, registry=REGISTRY)


BUILD_INFO: Final = _gauge(
    "build_info", "Always 1; the version is a label.", "version", of_several="livemax"
)
REQUESTS: Final = _counter(
    "requests", "Requests answered, by S3 operation and HTTP status.", "operation", "status"
)
REQUEST_SECONDS: Final = _histogram(
    "request_duration_seconds", "Time from a request's head to the end of its answer.", "operation"
)
IN_FLIGHT: Final = _gauge("requests_in_flight", "Requests that are being answered.")
SLOW_DOWNS: Final = _counter("slow_downs", "Requests answered with 503 SlowDown.")
RECEIVED_BYTES: Final = _counter("received_bytes", "Bytes of the bodies that clients have sent.")
SENT_BYTES: Final = _counter(
    "sent_bytes", "Bytes of the bodies of finished answers, by S3 operation.", "operation"
)
TASKS: Final = _gauge("tasks", "Tasks of the event loop.")
CONNECTIONS: Final = _gauge("connections", "Connections of clients that are open.")
OPERATORS: Final = _gauge("operator_connections", "Connections of operators that are open.")
CONNECTIONS_CUT: Final = _counter(
    "connections_cut",
    "Connections that were broken off: idle, room (idle, and in the way of a new one), head or "
    "answer (too slow), refused (too many).",
    "reason",
)
LIMITED: Final = _counter(
    "limited",
    "Clients held back by a limit: connections (all of them), connection share (of one address), "
    "store connections or store share (none free in time), stalled (silent while others waited for "
    "its connection to the store), head (too large), chunks (of HTTP, of a "
    "few bytes each).",
    "limit",
)
BUFFERED_BYTES: Final = _gauge(
    "buffered_bytes", "Uploads, renditions and restored files held in memory, bytes."
)
UPLOADS: Final = _counter(
    "uploads", "Uploads that a policy is for: optimized, shadow (would be) or plain.",
    "policy", "outcome",
)  # fmt: skip
PLAIN: Final = _counter(
    "plain", "Uploads under a policy that are stored as they came, by why.", "policy", "reason"
)
UPLOADED_BYTES: Final = _counter(
    "uploaded_bytes", "Bytes of the uploads that are stored small.", "policy", "tier"
)
STORED_BYTES: Final = _counter(
    "stored_bytes", "Bytes of their renditions; what lacks to those uploaded is saved.",
    "policy", "tier",
)  # fmt: skip
BUCKET_IMAGES: Final = _counter(
    "bucket_images", "Images that the store has taken as renditions, by bucket.", "bucket"
)
BUCKET_UPLOADED_BYTES: Final = _counter(
    "bucket_uploaded_bytes", "Bytes of those images as uploaded, by bucket.", "bucket"
)
BUCKET_STORED_BYTES: Final = _counter(
    "bucket_stored_bytes", "Bytes of those renditions, by bucket.", "bucket"
)
OPTIMIZE_SECONDS: Final = _histogram(
    "optimize_duration_seconds", "Time for finding a rendition, waiting included.", "policy"
)
RESTORES: Final = _counter(
    "restores",
    "Renditions restored: ok, changed (an encoder gives other bytes), busy, unavailable (no "
    "memory, time or process), mismatch (other content than recorded: an error), failed, or "
    "unreadable (so is the manifest).",
    "outcome",
)  # fmt: skip
RESTORE_SECONDS: Final = _histogram(
    "restore_duration_seconds", "Time for restoring a rendition, waiting included.", "tier"
)
GOLDEN_OBJECTS: Final = _gauge(
    "golden_objects",
    "Objects of an earlier version that restored at the start to the same bytes, to changed ones "
    "(by an encoder), or not (failed: a decoder).",
    "outcome", of_several="livemax",
)  # fmt: skip
CACHE_REQUESTS: Final = _counter(
    "cache_requests", "Look-ups of restored files: hit or miss.", "result"
)
CACHE_BYTES: Final = _gauge("cache_bytes", "Restored files in memory, bytes.")
REDIS_REQUESTS: Final = _counter(
    "redis_requests",
    "Look-ups in Redis: hit, miss, wrong (other bytes than promised); all uses of it: error, "
    "refused (it is full or read-only), or skipped, after one of these.",
    "result",
)
REDIS_LEASES: Final = _counter(
    "redis_leases",
    "Restores that gateways agreed on through Redis: taken (restored for all), waited (restored "
    "by another one) or failed (restored without asking).",
    "result",
)
REDIS_BREAKER_OPEN: Final = _gauge(
    "redis_breaker_open", "1 while Redis is left alone because it failed, else 0.",
    of_several="livemax",
)  # fmt: skip
WORKER_JOBS: Final = _gauge("worker_jobs", "Jobs of the worker processes, waiting ones included.")
WORKER_JOBS_WAITING: Final = _gauge("worker_jobs_waiting", "Those that have not begun.")
QUEUE_SECONDS: Final = _histogram(
    "queue_wait_seconds", "Time until a job begins, or is given up: restore or optimize.", "job"
)
BATCH_FILL: Final = _gauge(
    "engine_batch_fill_ratio",
    "Share of the places in the engine's batches that held a tile, since it was started.",
    of_several="livemax",
)
CANDIDATES_FAILED: Final = _counter(
    "candidates_failed",
    "Candidates that lost to an error or want of memory, by codec; others still competed.",
    "codec",
)
WORKERS_REPLACED: Final = _counter(
    "workers_replaced", "Worker processes that were replaced because they kept memory."
)
WORKERS_LOST: Final = _counter("workers_lost", "Worker processes that crashed or took too long.")
ENGINE_LOST: Final = _counter("engine_lost", "Times that the engine process was lost.")
GATEWAYS_LOST: Final = _counter(
    "gateways_lost", "Times that one of several gateway processes was lost."
)
PROCESSES_HUNG: Final = _counter(
    "processes_hung", "Processes that fell silent and were ended: gateway or engine.", "process"
)
UPSTREAM_REQUESTS: Final = _counter(
    "upstream_requests", "Requests to the store: 2xx to 5xx, or error where no answer came.",
    "status",
)  # fmt: skip
UPSTREAM_SECONDS: Final = _histogram(
    "upstream_response_seconds", "Time until the store begins to answer, bodies sent included."
)
UPSTREAM_STORED_BYTES: Final = _counter(
    "upstream_stored_bytes", "Bytes of the bodies that the store has taken."
)


@functools.cache
def request_metrics(operation: str, status: str) -> tuple[Counter, Histogram, Counter]:
    """Give what counts and times requests of one kind, and their bytes.

    To look them up takes longer than to count.

    Args:
        operation: Of the closed set of names.
        status: HTTP status, or ``none``.
    """
    return (
        REQUESTS.labels(operation, status),
        REQUEST_SECONDS.labels(operation),
        SENT_BYTES.labels(operation),
    )
