"""Restored files: from the cache, or made once for everybody who waits."""

import time

import structlog

from codec.manifest import Manifest
from codec.restore import DamagedRendition, DigestMismatch
from gateway.cache import CacheKey
from gateway.errors import S3Error
from gateway.exchange import Services
from gateway.workers import Busy, WorkerLost

_log = structlog.get_logger(__name__)

_UNREADABLE = (
    "The stored rendition of this object cannot be restored. "
    "Send 'x-slimgate-raw: stored' to read the rendition itself."
)


async def restored(
    services: Services, key: CacheKey, rendition: bytes, manifest: Manifest
) -> bytes:
    """Restore a rendition, unless somebody is at it already.

    Args:
        services: Where workers and cache live.
        key: What the restored file depends on.
        rendition: The stored file.
        manifest: How to restore it.

    Raises:
        S3Error: SlowDown when too much is waiting, InternalError when it cannot be restored.
    """

    async def work() -> bytes:
        started = time.monotonic()
        served = await services.workers.restore(rendition, manifest)
        await services.cache.put(key, served)
        _log.info(
            "restored",
            bucket=key.bucket,
            key=key.key,
            tier=manifest.stored.tier,
            stored_bytes=len(rendition),
            served_bytes=len(served),
            seconds=round(time.monotonic() - started, 3),
        )
        return served

    try:
        return await services.restores.run(key, work)
    except Busy as error:
        raise S3Error("SlowDown") from error
    except (DamagedRendition, DigestMismatch, LookupError, WorkerLost) as error:
        _log.error("not restored", bucket=key.bucket, key=key.key, reason=str(error))
        raise S3Error("InternalError", _UNREADABLE) from error
