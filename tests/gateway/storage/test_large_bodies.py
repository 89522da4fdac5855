"""Large bodies reach the store whole, without being copied on the event loop."""

import hashlib
import tracemalloc
from typing import Final

from aiohttp import web
from aiohttp.payload import PAYLOAD_REGISTRY
from aiohttp.test_utils import TestServer

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.bodies import payload
from slimgate.gateway.storage.upstream import Request, Upstream

_BODY: Final = bytes(range(256)) * (20 << 10)


def test_a_large_body_is_not_copied() -> None:
    """What aiohttp makes of a body of 5 MiB takes next to no memory."""
    tracemalloc.start()
    try:
        made = PAYLOAD_REGISTRY.get(payload(_BODY))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.size == len(_BODY)
    assert peak < 1 << 20


async def test_a_large_body_arrives_whole() -> None:
    """The store receives every byte."""

    async def received(request: web.Request) -> web.Response:
        return web.Response(headers={"ETag": hashlib.sha256(await request.read()).hexdigest()})

    app = web.Application(client_max_size=len(_BODY))
    app.router.add_put("/{path:.*}", received)
    async with TestServer(app) as server:
        settings = UpstreamSettings.model_validate({"endpoint": str(server.make_url("/"))})
        request = Request("PUT", key_target("photos", "k"), body=_BODY, length=len(_BODY))
        async with Upstream(settings) as store, store.send(request, None) as response:
            etag = response.headers["ETag"]
    assert etag == hashlib.sha256(_BODY).hexdigest()
