"""Drop restored files of what is written to or deleted.

They could not be served any more, as their name holds the stored ETag; but nobody expects what was
deleted to lie around.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import web

from gateway.exchange import Exchange
from gateway.http.body_copy import BodyCopy
from gateway.s3.deleted_keys import MAX_BYTES, deleted_keys
from gateway.s3.errors import S3Error

_log = structlog.get_logger(__name__)


async def forgetting(
    exchange: Exchange, handler: Callable[[Exchange], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Serve a request that may change something, and drop what it is about.

    What the store refuses has changed nothing: a stranger must not be able to empty the cache.

    Args:
        exchange: The request.
        handler: Serves it.
    """
    dropping = _Dropping(exchange, _listed(exchange))
    exchange.before_answer = dropping.once
    try:
        response = await handler(exchange)
    except S3Error as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            await dropping.once()  # it may have been done all the same
        raise
    if response.status < HTTPStatus.BAD_REQUEST:
        await dropping.once()
    return response


class _Dropping:
    """Drop what a request is about, as soon as it may have been done.

    Args:
        exchange: The request.
        listed: Its body, where that names the objects.
    """

    def __init__(self, exchange: Exchange, listed: BodyCopy | None) -> None:
        self._exchange = exchange
        self._listed = listed
        self._done = False

    async def once(self) -> None:
        """Drop it, unless that has been done."""
        if self._done:
            return
        self._done = True
        keys = _named(self._exchange) or await _keys(self._listed)
        if keys:
            await self._exchange.compute.cache.drop(self._exchange.target.bucket, keys)


def _named(exchange: Exchange) -> list[str]:
    """Name the object that may be another afterwards; parts of uploads change none."""
    if not exchange.target.key:
        return []
    part = exchange.request.method == "PUT" and "uploadId" in exchange.parameters
    return [] if part else [exchange.target.key]


def _listed(exchange: Exchange) -> BodyCopy | None:
    """Copy the body of DeleteObjects on its way; None: this is another request."""
    deletes = exchange.request.method == "POST" and "delete" in exchange.parameters
    if exchange.target.key or not deletes:
        return None
    return exchange.upload.copy(exchange.upload_room, MAX_BYTES)


async def _keys(listed: BodyCopy | None) -> list[str]:
    """Read what the store has deleted, aside from the event loop."""
    body = listed.read() if listed is not None else None
    if not body:
        return []
    try:
        return await asyncio.to_thread(deleted_keys, body)
    except ValueError as error:
        # The store has understood it otherwise; the cache forgets those objects by itself.
        _log.info("deleted objects stay in the cache for a while", reason=str(error))
        return []
