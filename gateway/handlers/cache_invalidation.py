"""Drop cached restored files of overwritten and deleted objects.

They would not be served any more, because their cache key contains the stored ETag; but deleted
data should not linger.
"""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus

import structlog
from aiohttp import web

from slimgate.gateway.cache.memory import Cache
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.http.body_copy import BodyCopy
from slimgate.gateway.s3.deleted_keys import deleted_keys
from slimgate.gateway.s3.errors import S3Error

_log = structlog.get_logger(__name__)


class CacheInvalidation:
    """Drop cached files of a request's objects as soon as the store may have changed them.

    A request that the store refuses drops nothing: strangers must not be able to empty the cache.

    Args:
        cache: Restored files.
        bucket: Bucket name.
        key: Object key; empty: none.
        whole: The request may change the bucket as a whole, its policy for example.
    """

    def __init__(self, cache: Cache, bucket: str, key: str, *, whole: bool = False) -> None:
        self._cache = cache
        self._bucket = bucket
        self._key = key
        self._whole = whole
        self._listed: BodyCopy | None = None
        self._done = False

    def follow(self, listed: BodyCopy) -> None:
        """Take the keys from the body of DeleteObjects.

        Args:
            listed: Copy of the body.
        """
        self._listed = listed

    async def once(self) -> None:
        """Drop the files, at most once."""
        if self._done:
            return
        self._done = True
        keys = [self._key] if self._key else await _keys(self._listed)
        if self._whole:
            keys.append("")
        if keys:
            await self._cache.drop(self._bucket, keys)

    async def after(self, answer: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        """Return the response; drop the files unless it says that nothing was changed."""
        try:
            response = await answer
        except S3Error as error:
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                await self.once()  # the store may have applied it
            raise
        except (asyncio.CancelledError, Exception):
            await self._in_doubt()  # the client has disconnected, for example
            raise
        if response.status < HTTPStatus.BAD_REQUEST:
            await self.once()
        elif response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            await self._in_doubt()
        return response

    async def _in_doubt(self) -> None:
        """Let the store be asked again: it may have applied what a stranger has sent, or not.

        Files stay, and are served again if the store names the same rendition.
        """
        if not self._done and (self._key or self._whole):
            await self._cache.drop(self._bucket, [""])


def changed_key(call: Call) -> str:
    """Return the key that a request may change; empty: none, or only a part of an upload."""
    part = call.method == "PUT" and "uploadId" in call.parameters
    return "" if part else call.target.key


def deletes_many(call: Call) -> bool:
    """Return whether a request is DeleteObjects."""
    return call.method == "POST" and not call.target.key and "delete" in call.parameters


async def _keys(listed: BodyCopy | None) -> list[str]:
    """Return the deleted keys, parsed outside the event loop."""
    body = listed.read() if listed is not None else None
    if not body:
        return []
    try:
        return await asyncio.to_thread(deleted_keys, body)
    except ValueError as error:
        # The store accepted a body that this parser refuses; cached files expire on their own.
        _log.info("deleted objects stay cached until they expire", reason=str(error))
        return []
