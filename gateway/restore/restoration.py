"""Restore files, from the cache or once for all waiters."""

import time

import structlog

from slimgate.codec.manifest import Manifest
from slimgate.codec.restore.restore import DamagedRendition, DigestMismatch
from slimgate.gateway.cache.memory import CacheKey
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.restore.compute import Compute, File
from slimgate.gateway.s3.digests import sha256_hex
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.telemetry import metrics, tracing
from slimgate.gateway.workers.client_jobs import ClientBusy
from slimgate.gateway.workers.pool import UNRESTORABLE, Busy, NotRestored

_log = structlog.get_logger(__name__)

_UNREADABLE = (
    "The stored rendition of this object cannot be restored. "
    "Send 'x-slimgate-raw: stored' to read the rendition itself."
)

_UNAVAILABLE = (
    "The gateway had no memory, time or process to restore this object, which is not damaged. "
    "Please try again."
)


async def restored(
    compute: Compute, buffers: ByteBudget, key: CacheKey, rendition: bytes, manifest: Manifest
) -> File:
    """Restore a rendition, joining a restore in flight.

    Args:
        compute: Workers and cache.
        buffers: Bytes held in memory.
        key: Cache key of the restored file.
        rendition: The stored file.
        manifest: Its manifest.

    Raises:
        S3Error: SlowDown if the queue is full or memory is short, InternalError if it cannot be
            restored.
    """
    damaged = compute.damaged.get((key, manifest))
    if damaged is not None and damaged == await sha256_hex(rendition):
        metrics.RESTORES.labels("failed").inc()
        raise S3Error("InternalError", _UNREADABLE)
    try:
        return await _joined(compute, buffers, key, rendition, manifest)
    except Busy as error:
        metrics.RESTORES.labels("busy").inc()
        raise S3Error("SlowDown") from error
    except NotRestored as error:
        metrics.RESTORES.labels("unavailable").inc()
        _log.error("not restored", bucket=key.bucket, key=key.key, reason=str(error))
        raise S3Error("SlowDown", _UNAVAILABLE) from error
    except UNRESTORABLE as error:
        differs = isinstance(error, DigestMismatch)
        metrics.RESTORES.labels("mismatch" if differs else "failed").inc()
        _log.error("not restored", bucket=key.bucket, key=key.key, reason=str(error))
        if isinstance(error, DamagedRendition | DigestMismatch):
            compute.damaged[key, manifest] = await sha256_hex(rendition)
        raise S3Error("InternalError", _UNREADABLE) from error


async def _joined(
    compute: Compute, buffers: ByteBudget, key: CacheKey, rendition: bytes, manifest: Manifest
) -> File:
    is_own = False

    async def restore() -> File:
        nonlocal is_own
        is_own = True
        return await _restore(compute, buffers, key, rendition, manifest)

    while True:
        try:
            return await compute.restores.run(key, restore)
        except ClientBusy:
            # The limit of one client says nothing about the others that have waited with it.
            if is_own:
                raise


async def _restore(
    compute: Compute, buffers: ByteBudget, key: CacheKey, rendition: bytes, manifest: Manifest
) -> File:
    async with compute.cache.lease(key, manifest.size) as cached:
        if cached is not None:
            # Restored for another request meanwhile.
            return File(cached, manifest.etag)
        return await _made(compute, buffers, key, rendition, manifest)


async def _made(
    compute: Compute, buffers: ByteBudget, key: CacheKey, rendition: bytes, manifest: Manifest
) -> File:
    started = time.monotonic()
    timed = metrics.RESTORE_SECONDS.labels(manifest.stored.tier).time()
    spanned = tracing.span("restore", tier=manifest.stored.tier, size=manifest.size)
    with timed, spanned, buffers.reserved(manifest.size):
        data, as_recorded = await compute.workers.restore(rendition, manifest)
    metrics.RESTORES.labels("ok" if as_recorded else "changed").inc()
    _log.info(
        "restored",
        bucket=key.bucket,
        key=key.key,
        tier=manifest.stored.tier,
        stored_bytes=len(rendition),
        served_bytes=len(data),
        seconds=round(time.monotonic() - started, 3),
    )
    if not as_recorded:
        # Serve it, but never under the ETag of the recorded bytes.
        _log.error(
            "encoder output changed", bucket=key.bucket, key=key.key, gateway=manifest.gateway
        )
        return File(data, f"{(await sha256_hex(data))[:32]}-1")
    await compute.cache.put(key, data)
    return File(data, manifest.etag)
