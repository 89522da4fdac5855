"""A store without costs: it serves zeros from memory, and discards uploads.

``python -m bench.echo``. With it, a gateway shows its overhead in the worst case. A GET of
``/bucket/zeros-N`` returns N bytes.
"""

import asyncio
import contextlib
import socket
import sys
from typing import Final

from aiohttp import web

from slimgate.gateway.http import sockets

READY: Final = "Running on http://"
"""Text before the address in the line that announces it."""

MAX_BYTES: Final = 64 << 20

_PREFIX: Final = "zeros-"
_ETAG: Final = '"00000000000000000000000000000000"'
_ZEROS: Final = bytes(MAX_BYTES)
_PIECE: Final = 1 << 18


def key_of(size: int) -> str:
    """Return the key of the object of ``size`` bytes, at most ``MAX_BYTES``."""
    return f"{_PREFIX}{size}"


async def serve(runner: web.BaseRunner) -> None:
    """Serve on a free port, announcing it, until the process ends."""
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    sys.stderr.write(f"{READY}{host}:{port}\n")
    sys.stderr.flush()
    await asyncio.Event().wait()


async def _get(request: web.Request) -> web.StreamResponse:
    name = request.path.rpartition("/")[2].removeprefix(_PREFIX)
    if not name.isascii() or not name.isdigit() or int(name) > MAX_BYTES:
        raise web.HTTPNotFound
    size = int(name)
    response = web.StreamResponse(
        headers={"ETag": _ETAG, "Content-Length": str(size), "Content-Type": "image/x-zeros"}
    )
    await response.prepare(request)
    with contextlib.suppress(ConnectionResetError):  # aiohttp would log a trace for each
        if request.method != "HEAD":
            view = memoryview(_ZEROS)[:size]
            for start in range(0, size, _PIECE):
                await response.write(view[start : start + _PIECE])
        await response.write_eof()
    return response


async def _bucket(request: web.Request) -> web.Response:
    if "object-lock" in request.query:  # buckets have no default retention
        raise web.HTTPNotFound
    return await _put(request)


async def _put(request: web.Request) -> web.Response:
    async for _ in request.content.iter_any():
        pass
    return web.Response(headers={"ETag": _ETAG})


def _announce(line: str) -> None:
    # aiohttp announces it within a longer line: "======== Running on http://… ========".
    sys.stderr.write(f"{line.splitlines()[0].strip('= ')}\n")
    sys.stderr.flush()


def main() -> None:
    """Serve on a free port until SIGTERM."""
    app = web.Application()
    app.router.add_get("/{bucket}/{key}", _get)
    app.router.add_put("/{bucket}/{key}", _put)
    app.router.add_get("/{bucket}", _bucket)
    app.router.add_post("/{bucket}", _put)
    with socket.create_server(("127.0.0.1", 0), backlog=sockets.BACKLOG) as listener:
        # What a store's kernel buffers would take time of another machine.
        sockets.bound_unsent(listener)
        web.run_app(app, sock=listener, print=_announce, access_log=None)


if __name__ == "__main__":
    main()
