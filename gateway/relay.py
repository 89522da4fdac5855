"""Pass requests through untouched: any operation, streaming both ways."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from gateway.exchange import Exchange
from gateway.s3 import headers
from gateway.s3.errors import S3Error
from gateway.storage import cross_origin
from gateway.storage.messages import Response
from gateway.storage.upstream import UNREACHABLE, Request

_FIRST_PIECE: Final = 1 << 16
"""Bytes of an upload that are in hand before a connection to the store is taken."""

_TYPELESS: Final = web.ResponseKey("typeless", bool)


async def pass_through(exchange: Exchange) -> web.StreamResponse:
    """Send the request on as it is and give back what the upstream answers."""
    async with sent(exchange, exchange.forwarded()) as response:
        return await respond(exchange, response, extra=_echo(exchange, response))


def _echo(exchange: Exchange, response: Response) -> dict[str, str]:
    """Give the checksum that was verified here; the type is said of whole objects only."""
    if response.status != HTTPStatus.OK:
        return {}
    echoed = exchange.upload.digests.echo()
    if "partNumber" in exchange.parameters:
        echoed.pop("x-amz-checksum-type", None)
    return echoed


@asynccontextmanager
async def sent(exchange: Exchange, request: Request) -> AsyncIterator[Response]:
    """Send a request as the caller; what was wrong with an uploaded body is raised as such."""
    upstream = exchange.storage.upstream
    give_back = upstream.expectation.take_place() if request.expects else None
    if give_back is None:
        request = replace(request, expects=False)
    elif isinstance(request.body, AsyncIterable):
        begun = min(_FIRST_PIECE, request.length or 0)
        request = replace(request, body=_telling(request.body, begun, give_back))
    try:
        await _first_piece(exchange, request)
        async with upstream.send(
            request, exchange.identity, exchange.client, exchange.stall_timer
        ) as response:
            yield response
    except S3Error as error:
        if error.code == "ServiceUnavailable" and exchange.upload.error is not None:
            raise exchange.upload.error from error
        raise
    finally:
        if give_back is not None:
            give_back()


async def _telling(
    body: AsyncIterable[bytes], count: int, tell: Callable[[], None]
) -> AsyncIterator[bytes]:
    """Give a body, and tell when so many bytes of it have come."""
    async for piece in body:
        count -= len(piece)
        if count <= 0:
            tell()
        yield piece


async def _first_piece(exchange: Exchange, request: Request) -> None:
    """Wait for the beginning of an upload before the store is bothered.

    A client that announces a body and stalls holds no connection to the store, and a small upload
    holds one no longer than the store needs. Where the client waits to be asked for its body, the
    store is asked first.
    """
    if isinstance(request.body, AsyncIterable) and not request.expects:
        await exchange.upload.peek(min(_FIRST_PIECE, exchange.upload.length or 0))


async def respond(
    exchange: Exchange,
    response: Response,
    *,
    extra: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Stream an upstream response to the client.

    Args:
        exchange: Whose response it is.
        response: Status, headers and unread body.
        extra: Headers to add where the upstream gives none of that name.
    """
    if exchange.before_answer is not None and response.status < HTTPStatus.BAD_REQUEST:
        await exchange.before_answer()
    shown = headers.end_to_end(response.headers.items())
    for name, value in (extra or {}).items():
        shown.setdefault(name, value)
    answer = begin(exchange, response.status, shown)
    cross_origin.pass_on(answer)
    await answer.prepare(exchange.request)
    async for piece in _pieces(exchange, response):
        with exchange.stall_timer.writing(exchange.request.transport):
            await answer.write(piece)
    await answer.write_eof()
    return answer


async def _pieces(exchange: Exchange, response: Response) -> AsyncIterator[bytes]:
    """Read what the upstream sends; a client that goes away meanwhile is none of its failures."""
    begun = False
    try:
        async for piece in response.content.iter_any():
            if begun:  # what is small need not wait for its turn
                await exchange.limits.body_scheduler.acquire()
            begun = True
            yield piece
    except UNREACHABLE as error:
        # The status line is out already: only a broken connection tells that this is not all.
        abort(exchange)
        raise S3Error("ServiceUnavailable") from error


def begin(exchange: Exchange, status: int, shown: CIMultiDict[str]) -> web.StreamResponse:
    """Make a response, with the request's id where there is none yet."""
    answer = web.StreamResponse(status=status, headers=shown)
    answer.headers.setdefault("x-amz-request-id", exchange.request_id)
    answer[_TYPELESS] = "Content-Type" not in shown
    if exchange.request.can_read_body:
        # An early refusal: what is still to come must not be taken for the next request.
        answer.force_close()
    return answer


def whole(
    exchange: Exchange, shown: CIMultiDict[str], body: bytes = b"", status: int = HTTPStatus.OK
) -> web.Response:
    """Make a response of which everything is at hand, with its length and the request's id.

    Args:
        exchange: Whose response it is.
        shown: The headers; changed in place.
        body: All of it.
        status: HTTP status.
    """
    shown.setdefault("x-amz-request-id", exchange.request_id)
    shown["Content-Length"] = str(len(body))
    return web.Response(status=status, headers=shown, body=body)


def stay_typeless(response: web.StreamResponse) -> None:
    """Take the Content-Type away that the server gives to answers that came without one."""
    if response.get(_TYPELESS):
        response.headers.popall("Content-Type", None)


def abort(exchange: Exchange) -> None:
    """Break the client's connection off."""
    if exchange.request.transport is not None:
        exchange.request.transport.abort()
