"""What the head of every answer needs, whichever handler has made it."""

from aiohttp import web

from gateway.http.aiohttp_internals import SERVER_SOFTWARE
from gateway.http.request_body import expects_continue
from gateway.http.responses import drop_default_type
from gateway.runtime.arrival import located
from gateway.runtime.parts import PARTS
from gateway.s3 import headers
from gateway.s3.errors import S3Error
from gateway.s3.routing import Target
from gateway.storage import cross_origin


async def complete_head(request: web.Request, response: web.StreamResponse) -> None:
    """Do to the head of every answer what its handler need not know."""
    _part_early(request, response)
    if headers.wants_stored(request.headers):
        headers.forbid_caching(response.headers)
    storage = request.app[PARTS].storage
    target = _target(request) if "Origin" in request.headers else None
    await cross_origin.complete(request, response, target, storage.allowances, storage.upstream)
    drop_default_type(response)
    _name_the_server(response)
    _part_when_draining(request, response)


def _name_the_server(response: web.StreamResponse) -> None:
    """Name the gateway where the upstream names nobody; versions are nobody's business."""
    if response.headers.get("Server", SERVER_SOFTWARE) == SERVER_SOFTWARE:
        response.headers["Server"] = "slimgate"


def _part_when_draining(request: web.Request, response: web.StreamResponse) -> None:
    """Let no connection bring another request to a gateway that ends: clients open a new one."""
    if request.app[PARTS].limits.in_flight.draining:
        response.force_close()
        response.headers["Connection"] = "close"


def _part_early(request: web.Request, response: web.StreamResponse) -> None:
    """Close the connection of a client that has not sent all of its body by now.

    What it still sends is not worth being parsed only to find the next request. If it waits to be
    asked for its body, it may send that all the same, or the next request in its place, and nobody
    could tell which (RFC 9110, section 10.1.1). botocore misreads the second such answer on a
    connection.
    """
    if expects_continue(request) or not request.content.is_eof():
        response.force_close()
        response.headers["Connection"] = "close"


def _target(request: web.Request) -> Target | None:
    try:
        return located(request)
    except S3Error:
        return None
