"""Responses to clients."""

from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

_TYPELESS: Final = web.ResponseKey("typeless", bool)


def begin(
    request: web.Request, request_id: str, status: int, shown: CIMultiDict[str]
) -> web.StreamResponse:
    """Return a streaming response, with the request ID unless it has one.

    Args:
        request: Request of the client.
        request_id: Request ID.
        status: HTTP status.
        shown: Headers.
    """
    answer = web.StreamResponse(status=status, headers=shown)
    answer.headers.setdefault("x-amz-request-id", request_id)
    answer[_TYPELESS] = "Content-Type" not in shown
    if request.can_read_body:
        # An early response: the rest of the body must not be taken for the next request.
        answer.force_close()
    return answer


def whole(
    request_id: str, shown: CIMultiDict[str], body: bytes = b"", status: int = HTTPStatus.OK
) -> web.Response:
    """Return a complete response, with its length and the request ID.

    Args:
        request_id: Request ID.
        shown: Headers, changed in place.
        body: The body.
        status: HTTP status.
    """
    shown.setdefault("x-amz-request-id", request_id)
    shown["Content-Length"] = str(len(body))
    return web.Response(status=status, headers=shown, body=body)


def drop_default_type(response: web.StreamResponse) -> None:
    """Remove the Content-Type that the server adds to responses without one."""
    if response.get(_TYPELESS):
        response.headers.popall("Content-Type", None)


def abort(request: web.Request) -> None:
    """Abort the client's connection."""
    if request.transport is not None:
        request.transport.abort()
