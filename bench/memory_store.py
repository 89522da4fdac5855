"""An in-memory store without authentication, which answers immediately.

``python -m bench.memory_store``. With it, a gateway shows its own overhead.
"""

import hashlib
from email.utils import formatdate
from typing import Final

import uvloop
from aiohttp import web

from bench.echo import serve

_KEPT: Final = ("content-type", "cache-control", "x-amz-meta-")


class _Store:
    def __init__(self) -> None:
        self._objects: dict[str, tuple[dict[str, str], bytes]] = {}

    async def handle(self, request: web.Request) -> web.Response:
        """Serve PUT, GET and HEAD of objects; answer 404 otherwise."""
        if request.method == "PUT" and not request.query_string:
            return await self._put(request)
        found = self._objects.get(request.path)
        if found is None or request.method not in {"GET", "HEAD"} or request.query_string:
            return web.Response(status=404)
        headers, body = found
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": str(len(body))})
        return web.Response(headers=headers, body=body)

    async def _put(self, request: web.Request) -> web.Response:
        body = await request.read()
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        kept = {n: v for n, v in request.headers.items() if n.lower().startswith(_KEPT)}
        headers = {**kept, "ETag": etag, "Last-Modified": formatdate(usegmt=True)}
        self._objects[request.path] = (headers, body)
        return web.Response(headers={"ETag": etag})


async def _serve() -> None:
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{anything:.*}", _Store().handle)
    await serve(web.AppRunner(app, access_log=None))


if __name__ == "__main__":
    uvloop.run(_serve())
