"""Stream requests and responses through unchanged."""

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

from aiohttp import web

from slimgate.gateway.handlers.call import Call, forwarded
from slimgate.gateway.http import responses
from slimgate.gateway.http.aiohttp_internals import hold_head
from slimgate.gateway.http.body_scheduler import BodyScheduler
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.messages import UNREACHABLE, Response


class PassThrough:
    """Forward requests and stream responses.

    Args:
        scheduler: Shares the event loop among bodies.
    """

    def __init__(self, scheduler: BodyScheduler) -> None:
        self._scheduler = scheduler

    async def __call__(
        self, call: Call, changes: Mapping[str, str] | None = None
    ) -> web.StreamResponse:
        """Forward a request and stream the response.

        Args:
            call: Request of the client.
            changes: Headers that replace the client's.
        """
        async with call.client.send(forwarded(call, changes)) as response:
            return await self.answer(call, response, extra=_verified_checksum(call, response))

    async def answer(
        self, call: Call, response: Response, *, extra: Mapping[str, str] | None = None
    ) -> web.StreamResponse:
        """Stream a response of the store to the client.

        Args:
            call: Request of the client.
            response: Response with an unread body.
            extra: Headers to add unless the store sent them.
        """
        if response.status < HTTPStatus.BAD_REQUEST:
            await call.accepted()
        shown = headers.end_to_end(response.headers.items())
        for name, value in (extra or {}).items():
            shown.setdefault(name, value)
        answer = call.begin(response.status, shown)
        answer.passed_through = True
        at_hand = response.at_hand()
        if at_hand is not None:
            hold_head(answer)
        await answer.prepare(call.request)
        if at_hand is not None:
            await answer.write_eof(at_hand)
            return answer
        async for piece in self.pieces(call, response):
            with call.stall_timer.writing(call.request.transport):
                await answer.write(piece)
        await answer.write_eof()
        return answer

    async def pieces(self, call: Call, response: Response) -> AsyncIterator[bytes]:
        """Read the store's body; a disconnected client is not an error of the store."""
        begun = False
        try:
            async for piece in response.content.iter_any():
                if begun:  # a single piece need not wait
                    await self._scheduler.acquire()
                begun = True
                yield piece
        except UNREACHABLE as error:
            # The status line has been sent: only a reset connection signals the truncation.
            responses.abort(call.request)
            raise S3Error("ServiceUnavailable") from error


def _verified_checksum(call: Call, response: Response) -> dict[str, str]:
    """Return headers of the verified checksum; its type applies to whole objects only."""
    if response.status != HTTPStatus.OK:
        return {}
    echoed = call.upload.digests.echo()
    if "partNumber" in call.parameters:
        echoed.pop("x-amz-checksum-type", None)
    return echoed
