"""Responses to writes whose object is optimized before the client gets its answer."""

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import web
from multidict import CIMultiDict

from slimgate.gateway.handlers.call import Call
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.messages import Response

_KEEPALIVE_S: Final = 5.0
"""Wait before the gateway sends white space: most clients time out after 60 s."""


class Result(NamedTuple):
    """What the client is told.

    Attributes:
        body: XML.
        version_id: Current version ID; None in an unversioned bucket.
    """

    body: bytes
    version_id: str | None


async def late_answer(
    call: Call, response: Response, work: Coroutine[None, None, Result]
) -> web.StreamResponse:
    """Return the response once some work is done; keep the connection alive until then.

    Args:
        call: Request of the client.
        response: Successful response of the store, whose headers the client gets.
        work: The work; cancelled if the client disconnects.
    """
    shown = headers.end_to_end(response.headers.items())
    shown.popall("Content-Length", None)
    task = asyncio.create_task(work)
    try:
        # A version ID goes into the response head, which therefore has to wait.
        versioned = response.headers.get("x-amz-version-id") not in {None, "null"}
        await asyncio.wait({task}, timeout=None if versioned else _KEEPALIVE_S)
        if not task.done():
            return await _answer_with_keepalive(call, shown, task)
        body, version_id = task.result()
    finally:
        task.cancel()
    if version_id is not None:
        shown["x-amz-version-id"] = version_id
    return call.whole(shown, body)


async def _answer_with_keepalive(
    call: Call, shown: CIMultiDict[str], work: asyncio.Task[Result]
) -> web.StreamResponse:
    """Send white space until the response is ready, as S3 does, so that clients do not time out."""
    answer = call.begin(HTTPStatus.OK, shown)
    await answer.prepare(call.request)
    await answer.write(s3xml.DECLARATION)
    while not work.done():
        await answer.write(b" ")
        await asyncio.wait({work}, timeout=_KEEPALIVE_S)
    try:
        body = work.result().body
    except S3Error as error:
        # The status has been sent; S3 also sends late errors with status 200.
        body = error.to_xml(resource=call.target.path, request_id=call.request_id)
    await answer.write(s3xml.write(s3xml.parse(body)).removeprefix(s3xml.DECLARATION))
    await answer.write_eof()
    return answer
