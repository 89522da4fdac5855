"""A store that fails now and then, and whose clients may die between a request and its response."""

import asyncio
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final, NamedTuple

import aiohttp
import psutil
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.servers.server import S3Server

_SLOW_DOWN: Final = b"<Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>"
_MAX_BODY: Final = 1 << 26
_HOP: Final = ("Connection", "Keep-Alive", "Transfer-Encoding")
_START_S: Final = 20.0


class Passed(NamedTuple):
    """A request, and what came of it.

    Attributes:
        method: HTTP method.
        path: Path, percent-encoded.
        query: Query string.
        if_match: ETag of ``If-Match`` without quotes; empty: none.
        status: Status of the response.
        etag: ETag of the response without quotes; empty: none.
        injected: Whether the store never saw the request.
    """

    method: str
    path: str
    query: str
    if_match: str
    status: int
    etag: str
    injected: bool


Chosen = Callable[[Passed], bool]
"""Returns whether a request that the store has answered is the one that was waited for."""


class FaultyStore:
    """Stand before a store, within a ``with`` block.

    Attributes:
        endpoint: Its own URL.
        passed: All requests so far, in the order of their responses.
        share: Share of the requests that get 503 SlowDown, 0 to 1.
        delay_s: Time before each response, seconds.
        killed: Processes that were killed between a request and its response.

    Args:
        server: The store.
        seed: Seed of the choice among requests.
    """

    def __init__(self, server: S3Server, seed: int = 0) -> None:
        self._behind = URL(server.endpoint)
        self._dice = random.Random(seed)
        self._deadly: Chosen | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.endpoint = ""
        self.share = 0.0
        self.delay_s = 0.0
        self.passed: list[Passed] = []
        self.killed: list[int] = []

    def kill_client(self, chosen: Chosen) -> None:
        """Kill the process that sends the next such request, before it sees the response."""
        self._deadly = chosen

    def __enter__(self) -> "FaultyStore":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(_START_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_START_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)
        self._loop.close()

    async def _open(self) -> None:
        self._session = aiohttp.ClientSession(
            auto_decompress=False, connector=aiohttp.TCPConnector(limit=0)
        )
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{anything:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.endpoint = f"http://{host}:{port}"

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self._dice.random() < self.share:
            self._note(request, HTTPStatus.SERVICE_UNAVAILABLE, injected=True)
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, body=_SLOW_DOWN)
        status, headers, content = await self._asked(request, body)
        passed = self._note(request, status, headers.get("ETag", ""))
        if self._deadly is not None and self._deadly(passed):
            self._deadly = None
            self.killed.append(await asyncio.to_thread(_kill_peer, request))
        if request.method == "HEAD":
            return web.Response(status=status, headers=headers)
        return web.Response(status=status, headers=headers, body=content)

    async def _asked(
        self, request: web.Request, body: bytes
    ) -> tuple[int, CIMultiDict[str], bytes]:
        """Send a request as it is: its signature covers host, path and query."""
        assert self._session is not None
        address = self._behind.join(URL(request.raw_path, encoded=True))
        async with self._session.request(
            request.method,
            address,
            headers=_kept(request.headers),
            data=body or None,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            allow_redirects=False,
        ) as response:
            return response.status, _kept(response.headers), await response.read()

    def _note(
        self, request: web.Request, status: int, etag: str = "", *, injected: bool = False
    ) -> Passed:
        passed = Passed(
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.rel_url.raw_query_string,
            if_match=request.headers.get("If-Match", "").strip('"'),
            status=status,
            etag=etag.strip('"'),
            injected=injected,
        )
        self.passed.append(passed)
        return passed


def _kept(headers: Mapping[str, str]) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    for name in _HOP:
        kept.popall(name, None)
    return kept


def _kill_peer(request: web.Request) -> int:
    """Kill the process at the other end of a connection, and return its id."""
    transport = request.transport
    assert transport is not None
    client, server = map(transport.get_extra_info, ("peername", "sockname"))
    for each in psutil.net_connections("tcp4"):
        if each.pid and (each.laddr, each.raddr) == (client, server):
            os.kill(each.pid, signal.SIGKILL)
            return each.pid
    raise LookupError("no process owns the other end of the connection")


@contextmanager
def faulty(server: S3Server, seed: int = 0) -> Iterator[tuple[FaultyStore, S3Server]]:
    """Run such a store; yield it, and the server as seen through it."""
    with FaultyStore(server, seed) as store:
        yield store, server.at(store.endpoint)
