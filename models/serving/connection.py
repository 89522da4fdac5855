"""HTTP connections to one engine."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import numpy as np

from slimgate.models.engine import wire
from slimgate.models.engine.images import shaped
from slimgate.models.engine.network import BadResult, Pixels, Unreachable
from slimgate.models.registry import catalog
from slimgate.models.serving import protocol
from slimgate.models.serving.discovery import Address, Pinned

CONNECT_S: Final = 3.0
_KEEPALIVE_S: Final = 30.0
_READ_BUFFER: Final = 1 << 20
_PIECE: Final = 1 << 18
_SHORTEST_S: Final = 0.001  # what a header field can tell


class Unauthorized(Unreachable):
    """The engine refuses the token."""


class WrongResult(BadResult):
    """A response does not fit its request, or comes from another network."""


class Connection:
    """Sends requests to one engine; used by one event loop.

    Args:
        address: the engine.
        token: token of requests; None: none is sent.
        most: maximum connections for images; one more is for probes.
        context: verifies certificates of https; None: with the certificate authorities of the
            system.
    """

    def __init__(
        self, address: Address, token: str | None, most: int, context: ssl.SSLContext | None
    ) -> None:
        self._url = address.url
        self._free = asyncio.Semaphore(most)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=most + 1,
                resolver=Pinned(address.ip),
                ssl=context if context is not None else True,
                keepalive_timeout=_KEEPALIVE_S,
            ),
            headers=protocol.bearer(token),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            read_bufsize=_READ_BUFFER,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        self.queue = 0

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def info(self) -> protocol.Info:
        """Ask the engine what it has.

        Raises:
            Unauthorized: it refuses the token.
            Unreachable: it does not answer.
            Broken: something else answers there.
        """
        try:
            async with self._session.get(
                self._url + protocol.INFO, allow_redirects=False
            ) as response:
                if response.status in {401, 403}:
                    raise Unauthorized("the engine refuses the token: see engine.remote.token")
                if response.status != 200:
                    raise Unreachable(f"the engine answered with HTTP status {response.status}")
                size = response.content_length
                if size is None or size > protocol.MAX_INFO:
                    raise wire.Broken("no engine answers there")
                info = protocol.Info.loads(await response.content.readexactly(size))
        except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError) as error:
            raise Unreachable(f"the engine cannot be reached: {error}") from error
        self.queue = info.queue
        return info

    async def enlarge(self, request: wire.Request, small: Pixels, timeout_s: float) -> Pixels:
        """Enlarge an image; see :meth:`slimgate.models.engine.images.Images.enlarge`.

        Raises:
            WrongResult: what came back is not the result.
        """
        header, pixels = request.pack(), np.ascontiguousarray(small).data.cast("B")
        before = protocol.checksum(header, pixels)
        headers = {
            "Content-Length": str(len(header) + len(pixels)),
            "Content-Type": "application/octet-stream",
            protocol.CHECKSUM: before,
        }
        ends = time.monotonic() + timeout_s
        try:
            async with self._free:
                left_s = max(ends - time.monotonic(), _SHORTEST_S)
                async with self._session.post(
                    self._url + protocol.UPSCALE,
                    data=_pieces(header, pixels),
                    headers=headers | {protocol.TIMEOUT: f"{left_s:.3f}"},
                    allow_redirects=False,
                ) as response:
                    self.queue = _queue(response)
                    if response.status != 200:
                        raise await _error(response)
                    return await _received(response, request, before)
        except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError) as error:
            raise Unreachable(f"the engine cannot be reached: {error}") from error


async def _pieces(header: bytes, pixels: memoryview) -> AsyncIterator[bytes | memoryview]:
    yield header
    for start in range(0, len(pixels), _PIECE):
        yield pixels[start : start + _PIECE]


async def _received(response: aiohttp.ClientResponse, request: wire.Request, before: str) -> Pixels:
    """Read and verify a result."""
    size = request.full_bytes
    if response.content_length != size:
        raise WrongResult(f"the engine answered with {response.content_length} bytes, not {size}")
    check = catalog.hashed(request.restorer).check
    if check is not None and response.headers.get(protocol.CHECK) != check:
        raise WrongResult("the engine computed with another network")
    full = bytearray(size)
    there = 0
    async for piece in response.content.iter_any():
        full[there : there + len(piece)] = piece
        there += len(piece)
    if there != size or protocol.checksum(full, before=before) != response.headers.get(
        protocol.CHECKSUM
    ):
        raise WrongResult("the result does not match its checksum")
    return shaped(full, request.full_shape)


async def _error(response: aiohttp.ClientResponse) -> Exception:
    if response.status in {401, 403}:
        return Unauthorized("the engine refuses the token: see engine.remote.token")
    text = await response.content.read(wire.MAX_MESSAGE)
    return protocol.error_of(response.status, response.headers, text)


def _queue(response: aiohttp.ClientResponse) -> int:
    text = response.headers.get(protocol.QUEUE, "0")
    return int(text) if text.isdecimal() else 0
