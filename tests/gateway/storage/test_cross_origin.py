"""How often, and for whom, the store is asked what it allows other origins."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.s3.routing import Target, object_target
from slimgate.gateway.storage.cross_origin import CorsCache
from slimgate.gateway.storage.object_client import Caller, ObjectClient, UpstreamClient
from slimgate.gateway.storage.upstream import Upstream

_ORIGIN = "https://shop.example"
_TARGET = object_target("bucket", "key")
_ALLOWED = {"Access-Control-Allow-Origin": _ORIGIN, "Vary": "Origin"}


class Store:
    """Answers preflights, and counts them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bool]] = []
        self.heard, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()
        self.status = 200

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one."""
        named = request.headers["Origin"], request.headers["Access-Control-Request-Method"]
        self.asked.append((*named, "Authorization" in request.headers))
        self.heard.set()
        await self.go_on.wait()
        return web.Response(status=self.status, headers={**_ALLOWED, "X-Other": "1"})


@asynccontextmanager
async def _running(store: Store) -> AsyncIterator[ObjectClient]:
    app = web.Application()
    app.router.add_route("OPTIONS", "/bucket/key", store.answer)
    async with (
        TestServer(app) as server,
        Upstream(UpstreamSettings(endpoint=str(server.make_url("/")).rstrip("/"))) as upstream,
    ):
        yield UpstreamClient(upstream, Caller(None))


async def test_the_store_is_asked_once() -> None:
    """The response to an unsigned preflight is cached by bucket, origin and method."""
    store, cors_cache = Store(), CorsCache()
    async with _running(store) as client:
        for method in ("GET", "GET", "PUT", "GET"):
            told = await cors_cache.of(client, _TARGET, _ORIGIN, method, ask=True)
            assert dict(told) == _ALLOWED
        known = await cors_cache.of(client, _TARGET, _ORIGIN, "PUT", ask=False)
    assert dict(known) == _ALLOWED
    assert store.asked == [(_ORIGIN, "GET", False), (_ORIGIN, "PUT", False)]


async def test_a_refused_preflight_allows_nothing() -> None:
    """What stands in a refusal is not an allowance, and is remembered as none."""
    store, cors_cache = Store(), CorsCache()
    store.status = 403
    async with _running(store) as client:
        for _ in range(2):
            assert not await cors_cache.of(client, _TARGET, _ORIGIN, "GET", ask=True)
    assert len(store.asked) == 1


@pytest.mark.parametrize(
    ("target", "origin", "method", "ask"),
    [
        (_TARGET, _ORIGIN, "GET", False),
        (_TARGET, _ORIGIN, "OPTIONS", True),
        (_TARGET, _ORIGIN, "XYZZY", True),
        (_TARGET, "https://" + "x" * 300, "GET", True),
        (_TARGET, "https://b\u00fccher.example", "GET", True),
        (_TARGET, "a\nb", "GET", True),
        (Target("", "", ""), _ORIGIN, "GET", True),
    ],
)
async def test_no_question_without_need(
    target: Target, origin: str, method: str, ask: bool
) -> None:
    """Nothing is asked for what no browser sends, or when the store must not be bothered."""
    store = Store()
    async with _running(store) as client:
        assert not await CorsCache().of(client, target, origin, method, ask=ask)
    assert store.asked == []


async def test_questions_are_bounded() -> None:
    """A flood of origins neither waits for the store in a crowd nor fills the memory."""
    store, cors_cache = Store(), CorsCache(max_entries=2, max_asking=1)
    store.go_on.clear()
    async with _running(store) as client:
        slow = asyncio.create_task(cors_cache.of(client, _TARGET, _ORIGIN, "GET", ask=True))
        await store.heard.wait()
        assert not await cors_cache.of(client, _TARGET, "https://b", "GET", ask=True)
        store.go_on.set()
        assert dict(await slow) == _ALLOWED
        for origin in ("https://b", "https://c", _ORIGIN):
            assert await cors_cache.of(client, _TARGET, origin, "GET", ask=True)
    assert [origin for origin, *_ in store.asked] == [_ORIGIN, "https://b", "https://c", _ORIGIN]
