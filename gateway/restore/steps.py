"""The steps of a read of a managed object, from its manifest to the served bytes."""

from http import HTTPStatus
from typing import Final

from slimgate.gateway.restore.compute import File
from slimgate.gateway.restore.conditions import decide, shown_headers, with_length
from slimgate.gateway.restore.read import FileRead, ObjectRead, Served
from slimgate.gateway.restore.restoration import restored
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.messages import read_bounded
from slimgate.gateway.storage.stored_object import read_rendition
from slimgate.gateway.telemetry import metrics

_HITS: Final = metrics.CACHE_REQUESTS.labels("hit")
_MISSES: Final = metrics.CACHE_REQUESTS.labels("miss")


async def judge_conditions(read: ObjectRead) -> Served | None:
    """Evaluate conditions and ranges; return the response to HEAD, or 304.

    Raises:
        S3Error: PreconditionFailed, InvalidRange.
    """
    asked, found, response = read.asked, read.managed, read.response
    stored = found.upstream if response is None else asked.applicable_headers(response)
    read.shown = shown_headers(found, stored, asked.parameters)
    read.status, read.part = decide(found, found.manifest.etag, asked.headers, asked.parameters)
    if read.status == HTTPStatus.NOT_MODIFIED or asked.method == "HEAD":
        shown = with_length(read.shown, read.status, read.part, found.manifest.size)
        return Served(read.status, shown)
    if response is not None and (response.method, response.status) != ("GET", HTTPStatus.OK):
        # Release this connection: waiting for another while holding it could deadlock.
        response.let_go()
    return None


async def look_in_cache(read: FileRead) -> None:
    """Take the restored file from the cache, if present."""
    if read.file is None:
        found = read.managed
        data = await read.parts.compute.cache.get(found.cache_key)
        if data is not None:
            read.file = File(data, found.manifest.etag)
    read.cached = read.file is not None
    (_HITS if read.cached else _MISSES).inc()


async def read_stored(read: FileRead) -> None:
    """Read the rendition, once for all waiters.

    Raises:
        S3Error: SlowDown if the object was replaced, or memory is short.
    """
    if read.file is not None:
        return
    began = False

    async def work() -> bytes:
        nonlocal began
        began = True
        return await _rendition(read)

    try:
        key = read.managed.cache_key
        read.rendition = await read.parts.compute.readings.run(key, work)
    except S3Error:
        if began:
            raise
        # The first caller has disconnected, and its response is closed.
        read.rendition = await work()


async def _rendition(read: FileRead) -> bytes:
    found, response = read.managed, read.response
    with read.parts.buffers.reserved(found.stored_size):
        unread = response is not None and response.method == "GET"
        if response is not None and unread and response.status == HTTPStatus.OK:
            return await read_bounded(response, found.manifest.size)
        return await read_rendition(read.client, found)


async def restore(read: FileRead) -> None:
    """Restore the file, once for all waiters.

    Raises:
        S3Error: SlowDown if the queue is full, InternalError if it cannot be restored.
    """
    if read.rendition is None:
        return
    found, parts = read.managed, read.parts
    with parts.buffers.shared(read.rendition):
        read.file = await restored(
            parts.compute, parts.buffers, found.cache_key, read.rendition, found.manifest
        )
    read.rendition = None


async def respond(read: ObjectRead) -> Served:
    """Return the response; bytes that an upgraded encoder has changed get another ETag.

    Raises:
        S3Error: PreconditionFailed, InvalidRange, or SlowDown if memory is short.
    """
    asked, found, (data, etag) = read.asked, read.managed, read.restored
    if read.response is not None:
        read.response.let_go()
    read.shown["ETag"] = f'"{etag}"'
    if etag != found.manifest.etag:
        # Parts of these bytes must not be mixed with parts of the recorded ones.
        read.status, read.part = decide(found, etag, asked.headers, asked.parameters)
        if read.status == HTTPStatus.NOT_MODIFIED:
            return Served(read.status, read.shown)
    read.shown["x-slimgate-cache"] = "hit" if read.cached else "miss"
    shown = with_length(read.shown, read.status, read.part, found.manifest.size)
    # The bytes are held until sent, once for all readers, within the budget.
    read.open.enter_context(read.parts.buffers.shared(data))
    return Served(read.status, shown, memoryview(data)[read.part.start : read.part.stop])
