"""Requests to the store, and its answers: the head at once, the body as it is read."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.http.byte_blocks import ByteQueue
from gateway.s3.errors import S3Error
from gateway.s3.routing import Target

EMPTY_SHA256: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

# What goes wrong between the gateway and the bucket: the client shall try again.
UNREACHABLE: Final = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)

Body = AsyncIterable[bytes] | bytes | None


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the store.

    Attributes:
        method: HTTP method.
        target: Bucket and key.
        query: Percent-encoded, without ``?``.
        headers: End-to-end headers without those of a signature.
        body: Exactly ``length`` bytes; None for none.
        length: Content-Length; None sends no such header.
        payload_hash: What ``x-amz-content-sha256`` shall say.
        expects: The store is asked first, and gets the body when it says 100.
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
    """The body of an answer; reading raises one of ``UNREACHABLE`` when the store breaks off."""

    def at_eof(self) -> bool:
        """Return whether the body has been read to its end, or is empty."""
        ...

    def iter_any(self) -> AsyncIterator[bytes]:
        """Iterate over what is left of the body, in pieces of any size."""
        ...

    async def readexactly(self, n: int, /) -> bytes:
        """Read ``n`` bytes.

        Raises:
            asyncio.IncompleteReadError: The body is shorter.
        """
        ...


class Response(Protocol):
    """An answer of the store. The context that sent the request closes it, read or unread."""

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
        """Return the Content-Length, bytes; None: the store does not state it."""
        ...

    @property
    def content(self) -> Content:
        """Return the body."""
        ...

    def let_go(self) -> None:
        """Give the connection back early; the body must not be read any more.

        Status and headers stay readable. A second call does nothing.
        """
        ...


Sending = AbstractAsyncContextManager[Response]
"""Sends a request when it is entered, and closes the answer when it is left."""


async def read_bounded(response: Response, limit: int) -> bytes:
    """Read the body of an answer that the gateway has to understand.

    Raises:
        S3Error: InternalError when it is longer than ``limit`` bytes, ServiceUnavailable when it
            breaks off.
    """
    body = ByteQueue()
    try:
        async for piece in response.content.iter_any():
            body.append(piece)
            if body.size > limit:
                raise S3Error("InternalError", "The storage answered with more than it should.")
    except UNREACHABLE as error:
        raise S3Error("ServiceUnavailable") from error
    return await body.whole()
