"""Drop restored files of what is written to or deleted.

They could not be served any more, as their name holds the stored ETag; but nobody expects what was
deleted to lie around.
"""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus

import structlog
from aiohttp import web

from gateway.cache.memory import Cache
from gateway.handlers.call import Call
from gateway.http.body_copy import BodyCopy
from gateway.s3.deleted_keys import deleted_keys
from gateway.s3.errors import S3Error

_log = structlog.get_logger(__name__)


class Dropping:
    """Drop the restored files of what a request changes, as soon as it may have been done.

    What the store refuses has changed nothing: a stranger must not be able to empty the cache.

    Args:
        cache: Restored files.
        bucket: Which bucket.
        key: Of the object; empty: none.
    """

    def __init__(self, cache: Cache, bucket: str, key: str) -> None:
        self._cache = cache
        self._bucket = bucket
        self._key = key
        self._listed: BodyCopy | None = None
        self._done = False

    def follow(self, listed: BodyCopy) -> None:
        """Take the keys from the body of DeleteObjects.

        Args:
            listed: A copy of it, made on its way to the store.
        """
        self._listed = listed

    async def once(self) -> None:
        """Drop the files, unless that has been done."""
        if self._done:
            return
        self._done = True
        keys = [self._key] if self._key else await _keys(self._listed)
        if keys:
            await self._cache.drop(self._bucket, keys)

    async def after(self, answer: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        """Return an answer; the files are dropped unless it says that nothing was done."""
        try:
            response = await answer
        except S3Error as error:
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                await self.once()  # it may have been done all the same
            raise
        if response.status < HTTPStatus.BAD_REQUEST:
            await self.once()
        return response


def changed_key(call: Call) -> str:
    """Return the key of the object that a request may change; empty: none, or a part of one."""
    part = call.method == "PUT" and "uploadId" in call.parameters
    return "" if part else call.target.key


def deletes_many(call: Call) -> bool:
    """Return whether a request is DeleteObjects."""
    return call.method == "POST" and not call.target.key and "delete" in call.parameters


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
