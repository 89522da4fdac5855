"""Servers of the cache benchmark: ``python -m bench.hot_server KIND FOLDER``.

``plain`` is aiohttp serving the file from memory. ``gateway`` is the gateway with a store in its
own process that answers immediately: everything except the signed request to the store.
"""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self, cast

import uvloop
from aiohttp import web
from multidict import CIMultiDict

from bench.echo import serve
from slimgate import models
from slimgate.config import load
from slimgate.gateway.runtime.app import create_app, make_runner
from slimgate.gateway.runtime.malloc import keep_freed_memory
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.storage.connection_pool import Client, ConnectionHolder
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.upstream import Upstream
from slimgate.gateway.telemetry import logs
from tests.memory_store.answers import MemoryResponse

FILE: Final = "file"
STORED: Final = "stored"
HEADERS: Final = "headers.json"
CONFIGURATION: Final = "slimgate.yaml"


class _InstantStore:
    """A store with one object."""

    def __init__(self, folder: Path) -> None:
        self._headers = CIMultiDict(json.loads((folder / HEADERS).read_text()))
        self._body = (folder / STORED).read_bytes()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @asynccontextmanager
    async def send(
        self, request: Request, *_: Identity | Client | ConnectionHolder
    ) -> AsyncIterator[MemoryResponse]:
        """Return the object for any request."""
        yield MemoryResponse(request.method, HTTPStatus.OK, self._headers, self._body)


def _plain(folder: Path) -> web.AppRunner:
    body = (folder / FILE).read_bytes()

    async def get(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="image/png")

    app = web.Application()
    app.router.add_get("/{bucket}/{key}", get)
    return web.AppRunner(app, access_log=None)


def _gateway(folder: Path) -> web.AppRunner:
    settings = load(folder / CONFIGURATION, environ={}, known_restorers=models.NAMES)
    upstream = cast("Upstream", _InstantStore(folder))
    return make_runner(create_app(settings, upstream=upstream), settings)


async def _serve(kind: str, folder: Path) -> None:
    runner = {"plain": _plain, "gateway": _gateway}[kind](folder)
    await serve(runner)


if __name__ == "__main__":
    logs.configure()
    keep_freed_memory()
    uvloop.run(_serve(sys.argv[1], Path(sys.argv[2])))
