"""Answers to clients: their heads, and what breaks them off."""

from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

_TYPELESS: Final = web.ResponseKey("typeless", bool)


def begin(
    request: web.Request, request_id: str, status: int, shown: CIMultiDict[str]
) -> web.StreamResponse:
    """Return an answer to be streamed, with the request's id where there is none yet.

    Args:
        request: The client's.
        request_id: Of the request.
        status: HTTP status.
        shown: The headers.
    """
    answer = web.StreamResponse(status=status, headers=shown)
    answer.headers.setdefault("x-amz-request-id", request_id)
    answer[_TYPELESS] = "Content-Type" not in shown
    if request.can_read_body:
        # An early refusal: what is still to come must not be taken for the next request.
        answer.force_close()
    return answer


def whole(
    request_id: str, shown: CIMultiDict[str], body: bytes = b"", status: int = HTTPStatus.OK
) -> web.Response:
    """Return an answer that is complete, with its length and the request's id.

    Args:
        request_id: Of the request.
        shown: The headers; changed in place.
        body: All of it.
        status: HTTP status.
    """
    shown.setdefault("x-amz-request-id", request_id)
    shown["Content-Length"] = str(len(body))
    return web.Response(status=status, headers=shown, body=body)


def drop_default_type(response: web.StreamResponse) -> None:
    """Remove the Content-Type that the server adds to answers that came without one."""
    if response.get(_TYPELESS):
        response.headers.popall("Content-Type", None)


def abort(request: web.Request) -> None:
    """Break off the client's connection."""
    if request.transport is not None:
        request.transport.abort()
