"""Requests to the store and its responses, whose bodies are read on demand."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Protocol

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.gateway.http.byte_blocks import ByteQueue
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target

EMPTY_SHA256: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

FIRST_PIECE: Final = 1 << 16
"""Bytes of a client's body to wait for before a store connection is taken; small bodies whole."""

# Errors between the gateway and the store: the client should retry.
UNREACHABLE: Final = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)

Body = AsyncIterable[bytes] | bytes | None


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the store.

    Attributes:
        method: HTTP method.
        target: Bucket and key.
        query: Percent-encoded, without ``?``.
        headers: End-to-end headers, without those of a signature.
        body: Exactly ``length`` bytes; None for no body.
        length: Content-Length; None to omit it.
        payload_hash: Value of ``x-amz-content-sha256``.
        expects: Send ``Expect: 100-continue``.
    """

    method: str
    target: Target
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=CIMultiDict)
    body: Body = None
    length: int | None = None
    payload_hash: str = EMPTY_SHA256
    expects: bool = False


class Content(Protocol):
    """A response body; reading raises one of ``UNREACHABLE`` if the store disconnects."""

    def at_eof(self) -> bool:
        """Return whether the body is fully read, or empty."""
        ...

    def iter_any(self) -> AsyncIterator[bytes]:
        """Iterate over the rest of the body, in pieces of any size."""
        ...

    async def readexactly(self, n: int, /) -> bytes:
        """Read ``n`` bytes.

        Raises:
            asyncio.IncompleteReadError: The body is shorter.
        """
        ...


class Response(Protocol):
    """A response of the store; the context that sent the request closes it."""

    @property
    def method(self) -> str:
        """Return the method of the request."""
        ...

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        ...

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Return all headers."""
        ...

    @property
    def content_length(self) -> int | None:
        """Return the Content-Length, bytes; None: unknown."""
        ...

    @property
    def content(self) -> Content:
        """Return the body."""
        ...

    def at_hand(self) -> bytes | None:
        """Return the rest of the body if all of it has arrived; None: it has to be read."""
        ...

    def let_go(self) -> None:
        """Release the connection early; the body cannot be read afterwards.

        Status and headers stay readable. Further calls have no effect.
        """
        ...


class _NoContent:
    """An empty body."""

    def at_eof(self) -> bool:
        """Return True."""
        return True

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Iterate over nothing."""
        nothing: tuple[bytes, ...] = ()
        for piece in nothing:
            yield piece

    async def readexactly(self, n: int, /) -> bytes:
        """Return nothing.

        Raises:
            asyncio.IncompleteReadError: More was asked for.
        """
        if n:
            raise asyncio.IncompleteReadError(b"", n)
        return b""


class RememberedResponse:
    """A response to HEAD that the store has sent before.

    Args:
        headers: Headers that apply again.
    """

    method: Final = "HEAD"
    status: Final = HTTPStatus.OK

    def __init__(self, headers: CIMultiDictProxy[str]) -> None:
        self.headers = headers
        self.content: Content = _NoContent()

    @property
    def content_length(self) -> int | None:
        """Return the Content-Length, bytes; None: unknown."""
        told = self.headers.get("Content-Length")
        return None if told is None else int(told)

    def at_hand(self) -> bytes | None:
        """Return the body: none."""
        return b""

    def let_go(self) -> None:
        """Do nothing: it holds no connection."""


Sending = AbstractAsyncContextManager[Response]
"""Sends a request on entry, and closes the response on exit."""


async def read_bounded(response: Response, limit: int) -> bytes:
    """Read a response body completely.

    Raises:
        S3Error: InternalError if it exceeds ``limit`` bytes, ServiceUnavailable if the store
            disconnects.
    """
    body = ByteQueue()
    try:
        async for piece in response.content.iter_any():
            body.append(piece)
            if body.size > limit:
                raise S3Error(
                    "InternalError", "The object store returned a response that is too long."
                )
    except UNREACHABLE as error:
        raise S3Error("ServiceUnavailable") from error
    return await body.whole()
