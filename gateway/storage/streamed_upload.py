"""Bodies of clients on their way to the store, so that a slow client holds no connection to it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, Protocol, runtime_checkable

from gateway.s3.errors import S3Error
from gateway.storage.expect_continue import Expectation
from gateway.storage.messages import Request, Response, Sending

_FIRST_PIECE: Final = 1 << 16
"""Bytes of an upload that are in memory before a connection to the store is taken."""


@runtime_checkable
class Streamed(Protocol):
    """A body that a client sends while it is passed on."""

    @property
    def error(self) -> S3Error | None:
        """Return what is wrong with the part of the body that has come; None: nothing."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the body."""
        ...

    async def peek(self, count: int) -> bytes:
        """Wait for the first ``count`` bytes without using them."""
        ...


@asynccontextmanager
async def streamed(
    send: Callable[[Request], Sending], request: Request, body: Streamed, expectation: Expectation
) -> AsyncIterator[Response]:
    """Send a request whose body a client sends; an error in that body is raised as such.

    A client that announces a body and stalls holds no connection to the store, and a small upload
    holds one no longer than the store needs. Where the client waits for ``100 Continue``, the store
    is asked first.

    Args:
        send: Sends a request on behalf of the caller.
        request: What to send.
        body: Its body.
        expectation: Whether the store can be asked before it gets a body.

    Raises:
        S3Error: What is wrong with the body, or as ``send``.
    """
    asks = request.expects and expectation.worthwhile
    release = expectation.take_place() if asks else None
    begun = min(_FIRST_PIECE, request.length or 0)
    try:
        if release is None:
            await body.peek(begun)
            request = replace(request, expects=False)
        else:
            request = replace(request, body=_after(body, begun, release))
        async with send(request) as response:
            yield response
    except S3Error as error:
        if error.code == "ServiceUnavailable" and body.error is not None:
            raise body.error from error
        raise
    finally:
        if release is not None:
            release()


async def _after(body: Streamed, count: int, call: Callable[[], None]) -> AsyncIterator[bytes]:
    """Iterate over a body, and call when so many bytes of it have come."""
    async for piece in body:
        count -= len(piece)
        if count <= 0:
            call()
        yield piece
