"""Complete the head of every response."""

from aiohttp import web

from slimgate.gateway.http.aiohttp_internals import SERVER_SOFTWARE
from slimgate.gateway.http.request_body import expects_continue
from slimgate.gateway.http.responses import drop_default_type
from slimgate.gateway.runtime.authenticated_call import located
from slimgate.gateway.runtime.parts import PARTS
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage import cross_origin
from slimgate.gateway.storage.object_client import Caller, UpstreamClient


async def complete_head(request: web.Request, response: web.StreamResponse) -> None:
    """Complete the head of a response, whichever handler made it."""
    _close_if_body_incomplete(request, response)
    if headers.wants_stored(request.headers):
        headers.forbid_caching(response.headers)
    cross_origin.add_stored_headers(request, response)
    if "Origin" in request.headers:
        storage = request.app[PARTS].storage
        # Preflights are unsigned, and no client's share of the connections limits them.
        client = UpstreamClient(storage.upstream, Caller(None))
        await cross_origin.add_headers(
            request, response, _target(request), storage.cors_cache, client
        )
    drop_default_type(response)
    _name_the_server(response)
    _close_when_draining(request, response)


def _name_the_server(response: web.StreamResponse) -> None:
    """Set the Server header unless the upstream sent one, without versions."""
    if response.headers.get("Server", SERVER_SOFTWARE) == SERVER_SOFTWARE:
        response.headers["Server"] = "slimgate"


def _close_when_draining(request: web.Request, response: web.StreamResponse) -> None:
    """Close the connection while draining: clients open a new one elsewhere."""
    if request.app[PARTS].limits.in_flight.draining:
        response.force_close()
        response.headers["Connection"] = "close"


def _close_if_body_incomplete(request: web.Request, response: web.StreamResponse) -> None:
    """Close the connection if the request body is incomplete.

    The rest of the body is not worth parsing to find the next request. A client that waits for 100
    Continue may send its body anyway, or the next request instead, which are indistinguishable (RFC
    9110, section 10.1.1). botocore misreads the second such response on a connection.
    """
    if expects_continue(request) or not request.content.is_eof():
        response.force_close()
        response.headers["Connection"] = "close"


def _target(request: web.Request) -> Target | None:
    try:
        return located(request)
    except S3Error:
        return None
