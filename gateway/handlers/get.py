"""GetObject and HeadObject: managed objects are restored, all others pass through."""

from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from aiohttp import web

from slimgate.config import Policies
from slimgate.config.serve import Serve
from slimgate.gateway.handlers import negotiated
from slimgate.gateway.handlers.call import Call, forwarded, head_of
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.http.aiohttp_internals import hold_head, write_with_head
from slimgate.gateway.restore import pipeline
from slimgate.gateway.restore.negotiation import offered
from slimgate.gateway.restore.read import (
    AsStored,
    ObjectRead,
    ReadRequest,
    Reads,
    Rendition,
    Served,
)
from slimgate.gateway.s3 import headers
from slimgate.gateway.storage import cross_origin
from slimgate.gateway.storage.completing import BeingCompleted

_PIECE: Final = 1 << 20  # of a restored file; TLS copies every write


class Get:
    """Handle GetObject and HeadObject.

    Args:
        parts: Resources shared by all reads.
        plain: Streams responses of the store.
        policies: Say which renditions are served.
    """

    def __init__(self, parts: Reads, plain: PassThrough, policies: Policies) -> None:
        self._parts = parts
        self._policies = policies
        self._plain = plain
        self._renditions = negotiated.Renditions(plain)

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        if headers.wants_stored(call.headers):
            async with call.client.send(forwarded(call)) as response:
                return await self._plain.answer(call, response)
        try:
            return await self._serve(call)
        except BeingCompleted:
            await self._parts.completing.wait(call.target)
        return await self._serve(call)

    async def _serve(self, call: Call) -> web.StreamResponse:
        async with AsyncExitStack() as open_:
            asked = _asked(call, negotiated.serving(self._policies, call.target))
            read = ObjectRead(parts=self._parts, client=call.client, asked=asked, open=open_)
            answer = await pipeline.answer(read)
            if isinstance(answer, AsStored):
                return await self._plain.answer(call, answer.response)
            if isinstance(answer, Rendition):
                return await self._renditions.stream(call, answer)
            return await _written(call, answer)


def _asked(call: Call, serve: Serve) -> ReadRequest:
    vary = ("Accept",) if serve.negotiate else ()
    return ReadRequest(
        target=call.target,
        method=call.method,
        headers=call.headers,
        parameters=call.parameters,
        as_sent=partial(forwarded, call),
        as_head=partial(head_of, call),
        applicable_headers=partial(cross_origin.applicable_headers, call.request, vary=vary),
        offered=offered(serve, call.method, call.headers_outside_query, call.parameters),
        caller=call.verified.access_key if call.verified else "",
    )


async def _written(call: Call, served: Served) -> web.StreamResponse:
    call.hold.hold(len(served.body))
    answer, body = call.begin(served.status, served.headers), served.body
    if not call.request.secure and body:
        hold_head(answer)
        await answer.prepare(call.request)
        if await write_with_head(call.request, body):
            await answer.write_eof()
            return answer
    await answer.prepare(call.request)
    for at in range(0, len(body), _PIECE):
        await answer.write(body[at : at + _PIECE])
    await answer.write_eof()
    return answer
