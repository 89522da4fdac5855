"""Read a managed object as it was uploaded: from the cache, or from its rendition."""

from http import HTTPStatus
from typing import Final

from gateway.cache.memory import CacheKey
from gateway.exchange import Exchange
from gateway.restore.compute import File
from gateway.restore.restoration import restored
from gateway.s3.errors import S3Error
from gateway.storage.messages import Response, read_bounded
from gateway.storage.stored_object import Found, read_rendition
from gateway.telemetry import metrics

_HITS: Final = metrics.CACHE_REQUESTS.labels("hit")
_MISSES: Final = metrics.CACHE_REQUESTS.labels("miss")


async def fetch(
    exchange: Exchange, found: Found, response: Response | None = None
) -> tuple[File, bool]:
    """Give the object's contents as uploaded, and whether the cache had them.

    Args:
        exchange: Whose caller asks; the upstream has let that caller see the object just now.
        found: Which object.
        response: An unread answer of the upstream that may hold the rendition.

    Raises:
        S3Error: SlowDown when the object was replaced meanwhile or too much is waiting,
            InternalError when the rendition cannot be restored.
    """
    compute, buffers, key = exchange.compute, exchange.limits.buffers, found.cache_key
    cached = await compute.cache.get(key)
    (_MISSES if cached is None else _HITS).inc()
    if cached is not None:
        return File(cached, found.manifest.etag), True
    rendition = await _rendition(exchange, found, key, response)
    with buffers.shared(rendition):
        return await restored(compute, buffers, key, rendition, found.manifest), False


async def _rendition(
    exchange: Exchange, found: Found, key: CacheKey, response: Response | None
) -> bytes:
    """Read a rendition, unless somebody is at it already: it is in memory once for all."""
    began = False

    async def read() -> bytes:
        nonlocal began
        began = True
        with exchange.limits.buffers.reserved(found.stored_size):
            if response is not None and (response.method, response.status) == (
                "GET",
                HTTPStatus.OK,
            ):
                return await read_bounded(response, found.manifest.size)
            return await read_rendition(exchange.store, found)

    try:
        return await exchange.compute.readings.run(key, read)
    except S3Error:
        if began:
            raise
        # Whoever began has gone away, and with it what was read from.
        return await read()
