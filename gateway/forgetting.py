"""Drop restored files of what is written to or deleted.

They could not be served any more, as their name holds the stored ETag; but nobody expects what was
deleted to lie around.
"""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from gateway import s3xml
from gateway.errors import S3Error
from gateway.exchange import Exchange

# Amazon S3 API reference, DeleteObjects: at most 1,000 keys, of at most 1,024 bytes each.
_MAX_KEYS: Final = 1000
_MAX_BYTES: Final = 2 << 20


@asynccontextmanager
async def forgetting(exchange: Exchange) -> AsyncIterator[None]:
    """Drop in the end what the request is about, whatever came of it.

    Args:
        exchange: A request that may change something.
    """
    keys = await _keys(exchange)
    try:
        yield
    finally:
        if keys:
            await exchange.services.cache.drop(exchange.target.bucket, keys)


async def _keys(exchange: Exchange) -> list[str]:
    """Name the objects that may be others afterwards; parts of uploads change none."""
    method, parameters = exchange.request.method, exchange.parameters
    if exchange.target.key:
        return [] if method == "PUT" and "uploadId" in parameters else [exchange.target.key]
    if method == "POST" and "delete" in parameters:
        return await _listed(exchange)
    return []


async def _listed(exchange: Exchange) -> list[str]:
    """Read the keys of DeleteObjects, and leave the body to be sent on."""
    length, buffers = exchange.upload.length, exchange.services.buffers
    if not length or length > _MAX_BYTES or not buffers.reserve(length):
        return []
    try:
        body = await exchange.upload.peek(length)
    finally:
        buffers.give_back(length)
    with contextlib.suppress(S3Error):  # no XML: the upstream will say so
        objects = (each for each in s3xml.parse(body) if s3xml.name(each) == "Object")
        return [s3xml.text(each, "Key") for each in objects][:_MAX_KEYS]
    return []
