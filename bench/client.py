"""A low-overhead client: presigned requests on a persistent connection."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from slimgate.eval.demo.servers import s3_client

_EXPIRES_S: Final = 3600
_TIMEOUT_S: Final = 120.0
_PIECE: Final = 1 << 20

Call = Callable[[], float]


class Unexpected(Exception):
    """A server answered unexpectedly."""


@dataclass(frozen=True, slots=True)
class Load:
    """Many concurrent requests.

    Attributes:
        connections: number of connections.
        each: number of requests per connection.
        size: size of the object, bytes.
    """

    connections: int
    each: int
    size: int

    @property
    def requests(self) -> int:
        """Return the number of requests."""
        return self.connections * self.each


class Client:
    """A client of one endpoint.

    Args:
        endpoint: URL of the gateway or the store.
        access_key: access key; requests are signed before timing.
        secret_key: secret key.
        region: region in signatures.
    """

    def __init__(self, endpoint: str, access_key: str, secret_key: str, region: str) -> None:
        self.s3: Any = s3_client(endpoint, access_key, secret_key, region)
        parts = urlsplit(endpoint)
        connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = connect(parts.netloc, timeout=_TIMEOUT_S)
        self._buffer = memoryview(bytearray(_PIECE))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self.s3.close()

    def reconnect(self) -> None:
        """Open a new connection for the next request: servers close idle ones."""
        self._connection.close()

    def get(self, bucket: str, key: str, size: int) -> Call:
        """Prepare a GET of an object of ``size`` bytes."""
        url = self._signed("get_object", Bucket=bucket, Key=key)
        return lambda: self._exchange("GET", url, None, size)

    def put(self, bucket: str, key: str, data: bytes) -> Call:
        """Prepare a PUT."""
        url = self._signed("put_object", Bucket=bucket, Key=key)
        return lambda: self._exchange("PUT", url, data, None)

    def listing(self, bucket: str, after: str = "") -> Call:
        """Prepare a listing of the first 1,000 keys after a key."""
        url = self._signed("list_objects_v2", Bucket=bucket, StartAfter=after)
        return lambda: self._exchange("GET", url, None, None)

    def many(self, bucket: str, key: str, load: Load) -> Call:
        """Prepare many GETs of one object over several connections."""
        url = URL(self._signed("get_object", Bucket=bucket, Key=key), encoded=True)
        return lambda: asyncio.run(_many(url, load))

    def _signed(self, operation: str, **parameters: str) -> str:
        url: str = self.s3.generate_presigned_url(operation, parameters, ExpiresIn=_EXPIRES_S)
        return url

    def _exchange(self, method: str, url: str, body: bytes | None, size: int | None) -> float:
        parts = urlsplit(url)
        started = time.perf_counter()
        self._connection.request(method, f"{parts.path}?{parts.query}", body)
        response = self._connection.getresponse()
        received = self._drain(response)
        seconds = time.perf_counter() - started
        if response.status // 100 != 2 or (size is not None and received != size):
            raise Unexpected(f"{method} {parts.path}: {response.status}, {received} bytes")
        return seconds

    def _drain(self, response: HTTPResponse) -> int:
        received = 0
        while count := response.readinto(self._buffer):
            received += count
        return received


async def _many(url: URL, load: Load) -> float:
    connector = aiohttp.TCPConnector(limit=load.connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        # Connections are opened before timing.
        await asyncio.gather(*(_fetch(session, url, load.size) for _ in range(load.connections)))
        started = time.perf_counter()
        await asyncio.gather(*(_worker(session, url, load) for _ in range(load.connections)))
        return time.perf_counter() - started


async def _worker(session: aiohttp.ClientSession, url: URL, load: Load) -> None:
    for _ in range(load.each):
        await _fetch(session, url, load.size)


async def _fetch(session: aiohttp.ClientSession, url: URL, size: int) -> None:
    async with session.get(url) as response:
        body = await response.read()
        if response.status != 200 or len(body) != size:
            raise Unexpected(f"GET {url.path}: {response.status}, {len(body)} bytes")
