"""Stream client bodies to the store, so that slow clients hold no store connection."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol, TypeGuard

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.expect_continue import ExpectContinue
from slimgate.gateway.storage.messages import FIRST_PIECE, Body, Request, Response, Sending


class Streamed(Protocol):
    """A body that the client sends while it is forwarded."""

    @property
    def error(self) -> S3Error | None:
        """Return the error in the received part of the body; None: there is none."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the body."""
        ...

    async def peek(self, count: int) -> bytes:
        """Wait for the first ``count`` bytes without consuming them."""
        ...


def is_streamed(body: Body) -> TypeGuard[Streamed]:
    """Return whether a client sends a body while it is forwarded."""
    return body is not None and hasattr(body, "peek")  # checking all members takes 10 µs


@asynccontextmanager
async def streamed(
    send: Callable[[Request], Sending],
    request: Request,
    body: Streamed,
    expectation: ExpectContinue,
) -> AsyncIterator[Response]:
    """Send a request with a streamed body; an error in the body is raised as such.

    A client that announces a body and stalls holds no store connection, and a small upload holds
    one no longer than necessary. If the client expects ``100 Continue``, the store is asked first.

    Args:
        send: Sends a request on behalf of the caller.
        request: The request.
        body: Its body.
        expectation: Decides whether to send ``Expect: 100-continue``.

    Raises:
        S3Error: The error in the body, or as ``send``.
    """
    asks = request.expects and expectation.worthwhile
    release = expectation.acquire() if asks else None
    begun = min(FIRST_PIECE, request.length or 0)
    try:
        if release is None:
            await body.peek(begun)
            whole = await _whole(body) if request.length == begun else body
            request = replace(request, body=whole, expects=False)
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


async def _whole(body: Streamed) -> bytes:
    return b"".join([piece async for piece in body])


async def _after(body: Streamed, count: int, call: Callable[[], None]) -> AsyncIterator[bytes]:
    """Iterate over a body, and call once ``count`` bytes have passed."""
    async for piece in body:
        count -= len(piece)
        if count <= 0:
            call()
        yield piece
