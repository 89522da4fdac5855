"""Listings: managed objects appear with the size and ETag of their upload."""

import asyncio
from http import HTTPStatus
from typing import Final

from aiohttp import web

from slimgate.gateway.handlers.call import Call, forwarded
from slimgate.gateway.handlers.listed_views import ListedViews
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.listing_page import read_page, shown_page
from slimgate.gateway.storage.listing_index import ListedObject
from slimgate.gateway.storage.messages import read_bounded

_MAX_BYTES: Final = 16 << 20  # 1,000 keys of 1 KiB, percent-encoded, with owners
_LARGE: Final = 1 << 16
"""Pages that take milliseconds to read and to write, bytes."""


class ListObjects:
    """Handle ListObjects, ListObjectsV2 and ListObjectVersions.

    Pages without managed objects stay unchanged, and so do all pages of buckets that no policy
    names.

    Args:
        listed: Finds what clients see of managed objects.
        plain: Streams responses of the store.
    """

    def __init__(self, listed: ListedViews, plain: PassThrough) -> None:
        self._listed = listed
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        async with call.client.send(forwarded(call)) as response:
            asks = self._listed.asks_about(call.target.bucket)
            if response.status != HTTPStatus.OK or not asks:
                return await self._plain.answer(call, response)
            page = await read_bounded(response, _MAX_BYTES)
            shown = headers.end_to_end(response.headers.items())
        return call.whole(shown, await self._rewritten(call, page))

    async def _rewritten(self, call: Call, page: bytes) -> bytes:
        large = len(page) > _LARGE
        listed = await asyncio.to_thread(_listed, page) if large else _listed(page)
        if listed is None:
            return page
        views = await self._listed.of(call.client, call.target.bucket, listed)
        return (
            await asyncio.to_thread(shown_page, page, views) if large else shown_page(page, views)
        )


def _listed(page: bytes) -> list[ListedObject] | None:
    """Return the objects in a page; None: it is not a listing."""
    entries = read_page(page)
    return None if entries is None else [ListedObject(*entry) for entry in entries]
