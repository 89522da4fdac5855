"""Metrics, under the names that dashboards and alerts use.

Label values come from closed sets or the configuration, never from clients: a client must not be
able to create time series. The exception is buckets, of which
:mod:`slimgate.gateway.telemetry.bucket_savings` counts a bounded number that exist.
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
"""Environment variable that makes prometheus_client count in files, to aggregate processes."""

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"slimgate_{name}", text, labels, registry=REGISTRY)


def _gauge(
    name: str,
    text: str,
    *labels: str,
    of_several: Literal["livesum", "livemax", "livemin"] = "livesum",
) -> Gauge:
    """Create a gauge; for several processes, operators see sum, maximum or minimum."""
    return Gauge(f"slimgate_{name}", text, labels, registry=REGISTRY, multiprocess_mode=of_several)


def _histogram(name: str, text: str, *labels: str) -> Histogram:
    return Histogram(f"slimgate_{name}", text, labels, buckets=_SECONDS, registry=REGISTRY)


BUILD_INFO: Final = _gauge(
    "build_info", "Always 1; the version is a label.", "version", of_several="livemax"
)
READY: Final = _gauge(
    "ready", "1 while the gateway is ready for traffic, else 0.", of_several="livemin"
)
CERTIFICATE_EXPIRY: Final = _gauge(
    "tls_certificate_expiry_timestamp_seconds",
    "Time at which the first certificate of the chain expires, Unix seconds; 0: plain HTTP.",
    of_several="livemin",
)
REQUESTS: Final = _counter(
    "requests", "Requests answered, by S3 operation and HTTP status.", "operation", "status"
)
REQUEST_SECONDS: Final = _histogram(
    "request_duration_seconds", "Time from request head to end of response, seconds.", "operation"
)
IN_FLIGHT: Final = _gauge("requests_in_flight", "Requests in flight.")
SLOW_DOWNS: Final = _counter("slow_downs", "Requests answered with 503 SlowDown.")
RECEIVED_BYTES: Final = _counter("received_bytes", "Request body bytes received from clients.")
SENT_BYTES: Final = _counter(
    "sent_bytes", "Response body bytes sent to clients, by S3 operation.", "operation"
)
TASKS: Final = _gauge("tasks", "Tasks in the event loop.")
CONNECTIONS: Final = _gauge("connections", "Open client connections.")
OPERATORS: Final = _gauge("operator_connections", "Open connections to the admin listener.")
CONNECTIONS_CUT: Final = _counter(
    "connections_cut",
    "Client connections closed by the gateway: idle, room (idle, closed to admit another), head or "
    "answer (client too slow), refused (too many connections).",
    "reason",
)
LIMITED: Final = _counter(
    "limited",
    "Limits hit by clients: connections (total), connection share (per address), address or "
    "identity connections, requests, bytes or jobs (limits.per_address, limits.per_identity), "
    "store connections or store share (none free in time), stalled (lost its store connection to a "
    "waiting client), head (request head too large), chunks (HTTP chunks of a few bytes).",
    "limit",
)
BUFFERED_BYTES: Final = _gauge(
    "buffered_bytes", "Uploads, renditions and restored files in memory, bytes."
)
UPLOADS: Final = _counter(
    "uploads", "Uploads covered by a policy: optimized, shadow (would be optimized) or plain.",
    "policy", "outcome",
)  # fmt: skip
PLAIN: Final = _counter(
    "plain", "Uploads covered by a policy but stored unchanged, by reason.", "policy", "reason"
)
UPLOADED_BYTES: Final = _counter(
    "uploaded_bytes", "Upload bytes of optimized images.", "policy", "tier"
)
STORED_BYTES: Final = _counter(
    "stored_bytes", "Rendition bytes of optimized images; bytes saved are uploaded minus stored.",
    "policy", "tier",
)  # fmt: skip
BUCKET_IMAGES: Final = _counter(
    "bucket_images", "Images stored as renditions, by bucket.", "bucket"
)
BUCKET_UPLOADED_BYTES: Final = _counter(
    "bucket_uploaded_bytes", "Upload bytes of images stored as renditions, by bucket.", "bucket"
)
BUCKET_STORED_BYTES: Final = _counter(
    "bucket_stored_bytes", "Rendition bytes of images stored as renditions, by bucket.", "bucket"
)
OPTIMIZE_SECONDS: Final = _histogram(
    "optimize_duration_seconds", "Time to find a rendition, including queueing, seconds.", "policy"
)
DEFERRED_UPLOADS: Final = _counter(
    "deferred_uploads",
    "Uploads to be optimized in the background: queued, full (the queue is full; stored as "
    "uploaded) or unavailable (the queue cannot be written; stored as uploaded).",
    "result",
)
DEFERRED_IMAGES: Final = _counter(
    "deferred_images",
    "Queued images processed: optimized, shadow (would be optimized), stays (as uploaded, see "
    "slimgate_plain_total), changed (overwritten or deleted meanwhile), retried or failed.",
    "outcome",
)
DEFERRED_QUEUED: Final = _gauge(
    "deferred_queued", "Uploads in the deferred queue, those being sent included.",
    of_several="livemax",
)  # fmt: skip
DEFERRED_OLDEST: Final = _gauge(
    "deferred_oldest_seconds", "Time since the oldest upload was queued, seconds; 0: none.",
    of_several="livemax",
)  # fmt: skip
RESTORES: Final = _counter(
    "restores",
    "Restores: ok, changed (an upgraded encoder writes other bytes), busy, unavailable (out of "
    "memory, time or processes), mismatch (content differs from the manifest: an error), failed, "
    "or unreadable (invalid manifest).",
    "outcome",
)  # fmt: skip
RESTORE_SECONDS: Final = _histogram(
    "restore_duration_seconds", "Time to restore a rendition, including queueing, seconds.", "tier"
)
GOLDEN_OBJECTS: Final = _gauge(
    "golden_objects",
    "Golden objects restored at startup: same, changed (an encoder writes other bytes) or failed "
    "(a decoder has changed).",
    "outcome", of_several="livemax",
)  # fmt: skip
NEGOTIATED_REQUESTS: Final = _counter(
    "negotiated_requests", "Reads answered with the rendition itself, by codec.", "codec"
)
NEGOTIATED_BYTES_SPARED: Final = _counter(
    "negotiated_bytes_spared",
    "Bytes not sent because whole renditions were served: size of the uploads minus renditions.",
)
CACHE_REQUESTS: Final = _counter(
    "cache_requests", "Cache lookups of restored files: hit or miss.", "result"
)
CACHE_BYTES: Final = _gauge("cache_bytes", "Restored files in the memory cache, bytes.")
REDIS_REQUESTS: Final = _counter(
    "redis_requests",
    "Redis lookups: hit, miss or wrong (digest mismatch); all requests: error, refused (Redis is "
    "full or read-only) or skipped (circuit open).",
    "result",
)
REDIS_LEASES: Final = _counter(
    "redis_leases",
    "Restores coordinated through Redis: taken (restored here for all gateways), waited (restored "
    "by another gateway) or failed (restored without a lease).",
    "result",
)
PEERS: Final = _gauge(
    "gateways",
    "Gateway processes that share Redis, this one included; 0: unknown.",
    of_several="livemax",
)
PEERS_DIFFERING: Final = _gauge(
    "gateways_with_other_policies",
    "Gateway processes that share Redis and have other policies in force than this one.",
    of_several="livemax",
)
REDIS_BREAKER_OPEN: Final = _gauge(
    "redis_breaker_open", "1 while the circuit breaker of Redis is open, else 0.",
    of_several="livemax",
)  # fmt: skip
LISTED_OBJECTS: Final = _counter(
    "listed_objects",
    "Objects in listings: hit (known to the index), miss (HEAD) or skipped (cannot be managed).",
    "result",
)
INDEX_ENTRIES: Final = _gauge(
    "index_entries", "Entries in the file of the listing index.", of_several="livemax"
)
INDEX_FAILURES: Final = _counter(
    "index_failures", "Failed requests to the file of the listing index."
)
WORKER_JOBS: Final = _gauge("worker_jobs", "Jobs of the worker processes, running and waiting.")
WORKER_JOBS_WAITING: Final = _gauge("worker_jobs_waiting", "Jobs waiting for a worker process.")
QUEUE_SECONDS: Final = _histogram(
    "queue_wait_seconds",
    "Time until a job starts or is given up, seconds: restore or optimize.",
    "job",
)
BATCH_FILL: Final = _gauge(
    "engine_batch_fill_ratio",
    "Batch slots filled with a tile since the engine started, 0 to 1.",
    of_several="livemax",
)
REMOTE_ENGINES: Final = _gauge(
    "remote_engines",
    "Engines on other machines: ready, new (not asked yet), resting (takes no images now), lost or "
    "refused (wrong token, version or bits).",
    "state", of_several="livemax",
)  # fmt: skip
REMOTE_ATTEMPTS: Final = _gauge(
    "remote_engine_attempts",
    "Attempts to restore an image on another machine since the engine process started: done, full, "
    "failed, late (timeout), lost (connection) or wrong (not the result).",
    "outcome", of_several="livemax",
)  # fmt: skip
CANDIDATES_FAILED: Final = _counter(
    "candidates_failed",
    "Candidates dropped after an error or lack of memory, by codec.",
    "codec",
)
WORKERS_REPLACED: Final = _counter(
    "workers_replaced", "Worker processes replaced because their memory had grown."
)
WORKERS_UNCONFINED: Final = _gauge(
    "workers_unconfined",
    "1 for each part of the sandbox that workers lack: user (a gateway of root has workers of "
    "root), capabilities, files (Landlock) or system_calls (seccomp).",
    "part", of_several="livemax",
)  # fmt: skip
WORKERS_LOST: Final = _counter("workers_lost", "Worker processes lost to a crash or timeout.")
ENGINE_LOST: Final = _counter("engine_lost", "Engine processes lost.")
GATEWAYS_LOST: Final = _counter("gateways_lost", "Gateway processes lost under a supervisor.")
PROCESSES_HUNG: Final = _counter(
    "processes_hung", "Hung processes ended by the watchdog: gateway or engine.", "process"
)
UPSTREAM_REQUESTS: Final = _counter(
    "upstream_requests", "Requests to the object store: 2xx to 5xx, or error (no response).",
    "status",
)  # fmt: skip
UPSTREAM_SECONDS: Final = _histogram(
    "upstream_response_seconds",
    "Time until the object store responds, including sending the body, seconds.",
)
CREDENTIALS_REFRESHES: Final = _counter(
    "upstream_credentials_refreshes",
    "Attempts to obtain credentials for the store: ok or failed.",
    "source", "outcome",
)  # fmt: skip
CREDENTIALS_EXPIRY: Final = _gauge(
    "upstream_credentials_expiry_timestamp_seconds",
    "When the credentials for the store expire, seconds since the epoch.",
    "source", of_several="livemin",
)  # fmt: skip
UPSTREAM_STORED_BYTES: Final = _counter(
    "upstream_stored_bytes", "Request body bytes accepted by the object store."
)


@functools.cache
def request_metrics(operation: str, status: str) -> tuple[Counter, Histogram, Counter]:
    """Return the counter, histogram and byte counter of one kind of request.

    Cached, because looking up labels takes longer than counting.

    Args:
        operation: Name of the S3 operation.
        status: HTTP status, or ``none``.
    """
    return (
        REQUESTS.labels(operation, status),
        REQUEST_SECONDS.labels(operation),
        SENT_BYTES.labels(operation),
    )
