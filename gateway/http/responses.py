"""Responses to clients."""

from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict


class Streamed(web.StreamResponse):
    """A streaming response.

    Attributes:
        typeless: It has no Content-Type.
        passed_through: It is the store's, and nothing is added to it.
    """

    typeless = False
    passed_through = False


def begin(request: web.Request, request_id: str, status: int, shown: CIMultiDict[str]) -> Streamed:
    """Return a streaming response, with the request ID unless it has one.

    Args:
        request: Request of the client.
        request_id: Request ID.
        status: HTTP status.
        shown: Headers.
    """
    answer = Streamed(status=status, headers=shown)
    answer.headers.setdefault("x-amz-request-id", request_id)
    answer.typeless = "Content-Type" not in shown
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
    if isinstance(response, Streamed) and response.typeless:
        response.headers.popall("Content-Type", None)


def abort(request: web.Request) -> None:
    """Abort the client's connection."""
    if request.transport is not None:
        request.transport.abort()
