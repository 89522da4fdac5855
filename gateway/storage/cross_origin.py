"""Add the store's CORS and Vary headers to the gateway's own responses.

Responses of the store pass unchanged. An error or a restored file gets the headers that the store
sends for the same origin: in its response about the object, or else to a preflight by the gateway.
"""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from aiohttp import web
from cachetools import TTLCache
from multidict import CIMultiDict

from slimgate.gateway.http.responses import Streamed
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.messages import Request, Response
from slimgate.gateway.storage.object_client import ObjectClient

ALLOW_ORIGIN: Final = "Access-Control-Allow-Origin"

_ALLOWANCE: Final = "access-control-"
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "POST", "PUT"})
_TTL_S: Final = 30.0
_MAX_WAIT_S: Final = 2.0
_MAX_ORIGIN: Final = 260  # characters; a host name has at most 253

_STORE_HEADERS: Final = web.RequestKey("CORS and Vary of the store", CIMultiDict[str])

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class CorsCache:
    """Cache of the store's CORS headers, for half a minute.

    Args:
        max_entries: Most entries; the oldest are dropped, which costs one request.
        max_asking: Most concurrent preflights; further responses go without CORS headers.
    """

    def __init__(self, max_entries: int = 1000, max_asking: int = 8) -> None:
        self._max_asking = max_asking
        self._asking = 0
        self._known: TTLCache[tuple[str, str, str], Mapping[str, str]]
        self._known = TTLCache(max_entries, _TTL_S)

    async def of(
        self, client: ObjectClient, target: Target, origin: str, method: str, *, ask: bool
    ) -> Mapping[str, str]:
        """Return the store's CORS headers for an origin; empty if unknown.

        Args:
            client: The store; preflights are sent as they are.
            target: Bucket and key.
            origin: Origin header of the browser.
            method: HTTP method.
            ask: Whether to send a preflight if they are not cached.
        """
        if method not in _METHODS or not target.bucket or not _is_plausible(origin):
            return _NOTHING
        name = (target.bucket, origin, method)
        known = self._known.get(name)
        if known is not None:
            return known
        if not ask or self._asking >= self._max_asking:
            return _NOTHING
        self._asking += 1
        try:
            async with asyncio.timeout(_MAX_WAIT_S):
                answer = await _preflight(client, target, origin, method)
        except (S3Error, TimeoutError):
            return _NOTHING
        finally:
            self._asking -= 1
        self._known[name] = answer
        return answer


def _is_plausible(origin: str) -> bool:
    return len(origin) <= _MAX_ORIGIN and origin.isascii() and origin.isprintable()


async def _preflight(
    client: ObjectClient, target: Target, origin: str, method: str
) -> Mapping[str, str]:
    asked = CIMultiDict({"Origin": origin, "Access-Control-Request-Method": method})
    async with client.send(Request("OPTIONS", target, headers=asked)) as response:
        return _selected(response.headers) if response.status == HTTPStatus.OK else _NOTHING


def _selected(answered: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value)
        for name, value in answered.items()
        if name.lower().startswith(_ALLOWANCE) or name.lower() == "vary"
    )


def applicable_headers(
    request: web.Request, response: Response, *, vary: Sequence[str] = ()
) -> CIMultiDict[str]:
    """Return the headers of the store's response that also apply to this request.

    CORS headers depend on the method: those for HEAD do not apply to GET. All responses of the
    gateway to this request get the remaining ones.

    Args:
        request: Request of the client.
        response: Response of the store about the same object, to GET or HEAD.
        vary: Further request headers that select what is served.
    """
    told = CIMultiDict(response.headers)
    if response.method != request.method:
        for name in [each for each in told if each.lower().startswith(_ALLOWANCE)]:
            told.popall(name, None)
    headers.vary_by(told, headers.RAW, *vary)
    request[_STORE_HEADERS] = _selected(told)
    return told


def add_stored_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that the store sent about the object, unless the response is its own."""
    if not _is_passed_through(response):
        _add(response, request.get(_STORE_HEADERS, _NOTHING))


async def add_headers(
    request: web.Request,
    response: web.StreamResponse,
    target: Target | None,
    cors_cache: CorsCache,
    client: ObjectClient,
) -> None:
    """Add the store's CORS headers for the origin of a request to a response of the gateway.

    Args:
        request: Request of the client.
        response: The response, not yet started.
        target: Bucket and key; None: unknown.
        cors_cache: Cached CORS headers.
        client: The store, for preflights.
    """
    if _is_passed_through(response):
        return
    origin = request.headers.get("Origin")
    if origin is None or target is None or ALLOW_ORIGIN in response.headers:
        return
    # Do not add load when the gateway or the store is overloaded.
    ask = response.status < HTTPStatus.INTERNAL_SERVER_ERROR
    _add(response, await cors_cache.of(client, target, origin, request.method, ask=ask))


def _is_passed_through(response: web.StreamResponse) -> bool:
    return isinstance(response, Streamed) and response.passed_through


def _add(response: web.StreamResponse, told: Mapping[str, str]) -> None:
    for name, value in told.items():
        if response.headers.get(name) == value:
            continue
        if name.lower() == "vary":
            headers.vary_by(response.headers, *value.split(","))
        else:
            response.headers.setdefault(name, value)
