"""Connect to Redis: a single server, one behind Sentinel, or a cluster."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from typing import Any, Final

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from slimgate.config import RedisCacheSettings, RedisPlace
from slimgate.gateway.cache.circuit_breaker import CircuitBreaker, CircuitOpen
from slimgate.gateway.telemetry import metrics

Client = Redis | RedisCluster

_AT_A_TIME: Final = 32
_CONNECTIONS: Final = _AT_A_TIME + 8
"""Subscriptions and connections being closed come on top of the requests above."""

_REDIRECTIONS: Final = 2
_READ_SIZE: Final = 1 << 20  # files are large, and each read costs a step of the event loop
# redis-py raises KeyError while no node serves a slot of the cluster.
BROKEN: Final = (RedisError, RedisClusterException, OSError, TimeoutError, LookupError)
"""Exceptions that a request to Redis may raise."""

_log = structlog.get_logger(__name__)


class Unavailable(Exception):
    """Redis failed, or its circuit is open; metrics have counted it."""


class _Refused(Exception):
    """Redis answers but refuses writes: it is full, read-only or not ours."""


class RedisConnection:
    """Run requests while Redis works, behind a circuit breaker.

    Requests are bounded in time and number. A Redis that refuses writes, because it is full or
    read-only, is still read.

    Args:
        settings: Address and timeout.
    """

    def __init__(self, settings: RedisCacheSettings) -> None:
        if settings.place is None:
            raise ValueError("no Redis URL is configured")
        self._timeout_s = settings.timeout_ms / 1e3
        self._closing = AsyncExitStack()
        self._client = _client(settings.place, self._timeout_s, self._closing)
        self._slots = asyncio.Semaphore(_AT_A_TIME)
        self._breaker = CircuitBreaker(*BROKEN)
        self._writing = CircuitBreaker(ResponseError)

    async def close(self) -> None:
        """Close all connections."""
        await self._closing.aclose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Client]:
        """Yield the client for a request that changes nothing.

        Raises:
            Unavailable: Redis failed, now or a moment ago.
        """
        async with self._using(nullcontext()) as client:
            yield client

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Client]:
        """Yield the client for a request that writes.

        Raises:
            Unavailable: Redis failed, now or a moment ago.
        """
        async with self._using(self._refusable()) as client:
            yield client

    @contextmanager
    def _refusable(self) -> Iterator[None]:
        with _refusal(), self._writing.attempt():
            yield

    @asynccontextmanager
    async def _using(self, guard: AbstractContextManager[None]) -> AsyncIterator[Client]:
        try:
            async with self._slot():
                with self._breaker.attempt(), guard:
                    async with asyncio.timeout(self._timeout_s):
                        yield self._client
        except (*BROKEN, _Refused, CircuitOpen) as error:
            raise self._failed(error) from error
        metrics.REDIS_BREAKER_OPEN.set(0)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Wait for a request slot; a timeout here does not open the circuit."""
        async with asyncio.timeout(self._timeout_s):
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()

    def _failed(self, error: Exception) -> Unavailable:
        metrics.REDIS_BREAKER_OPEN.set(self._breaker.is_open)
        if isinstance(error, CircuitOpen):
            metrics.REDIS_REQUESTS.labels("skipped").inc()
        elif isinstance(error, _Refused):
            metrics.REDIS_REQUESTS.labels("refused").inc()
            _log.warning("redis refuses writes", reason=str(error))
        else:
            metrics.REDIS_REQUESTS.labels("error").inc()
            # The text of an error may contain the URL with its password.
            _log.warning("redis unavailable, circuit open", reason=type(error).__name__)
        return Unavailable()


@contextmanager
def _refusal() -> Iterator[None]:
    """Distinguish a Redis that refuses from one that is broken."""
    try:
        yield
    except ResponseError as error:
        raise _Refused(type(error).__name__) from error


def _client(place: RedisPlace, timeout_s: float, closing: AsyncExitStack) -> Client:
    """Create the client, and register everything to be closed with it."""
    client = _OF_KIND[place.kind](place, timeout_s, closing)
    closing.push_async_callback(client.aclose)
    return client


def _single(place: RedisPlace, timeout_s: float, closing: AsyncExitStack) -> Client:
    pool = BlockingConnectionPool.from_url(
        place.url, **_bounds(timeout_s), timeout=timeout_s, retry=Retry(NoBackoff(), 0)
    )
    closing.push_async_callback(pool.disconnect)
    return Redis(connection_pool=pool)


def _sentinel(place: RedisPlace, timeout_s: float, closing: AsyncExitStack) -> Client:
    options, secured = _options(place)
    # Leave time to try the other sentinels if one does not answer.
    each_s = timeout_s / (len(place.hosts) + 1)
    own = {**_bounds(each_s), "retry": Retry(NoBackoff(), 0), **secured, **place.sentinel}
    sentinels = Sentinel(place.hosts, sentinel_kwargs=own)  # type: ignore[no-untyped-call]
    closing.push_async_callback(sentinels.aclose)
    bounds = {**_bounds(timeout_s), "retry": Retry(NoBackoff(), 0)}
    client: Redis = sentinels.master_for(place.service, **bounds, **options, **secured)
    closing.push_async_callback(client.connection_pool.disconnect)
    return client


def _cluster(place: RedisPlace, timeout_s: float, _: AsyncExitStack) -> Client:
    options, secured = _options(place)
    nodes = [ClusterNode(host, port) for host, port in place.hosts]
    retry = Retry(NoBackoff(), _REDIRECTIONS)
    return RedisCluster(
        startup_nodes=nodes, retry=retry, **_bounds(timeout_s), **options, **secured
    )


_OF_KIND: Final = {"single": _single, "sentinel": _sentinel, "cluster": _cluster}


def _bounds(timeout_s: float) -> dict[str, Any]:
    return {
        "max_connections": _CONNECTIONS,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "socket_read_size": _READ_SIZE,
    }


def _options(place: RedisPlace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the connection options of a URL: user and database, and TLS."""
    said: dict[str, Any] = dict(parse_url(place.url))
    del said["host"]
    secured = {name: said.pop(name) for name in list(said) if name.startswith("ssl_")}
    if said.pop("connection_class", None) is SSLConnection:
        secured["ssl"] = True
    return said, secured
