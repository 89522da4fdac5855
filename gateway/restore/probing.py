"""The first step of a read: determine whether the object is plain or managed.

The request is forwarded unchanged: for a plain object, that is all. A response with a manifest is a
rendition, and the object is restored.
"""

from contextlib import AsyncExitStack
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from slimgate.gateway.restore.compute import File
from slimgate.gateway.restore.read import AsStored, ObjectRead, ReadRequest
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.authorizations import Asked
from slimgate.gateway.storage.messages import RememberedResponse, Request, Response
from slimgate.gateway.storage.stored_object import ManagedObject, recognize

# Responses that may refer to a rendition without a manifest: the client's conditions and ranges
# refer to the restored file, but the store evaluated them against the stored one.
_AMBIGUOUS: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_MODIFIED,
        HTTPStatus.PRECONDITION_FAILED,
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    }
)
_NOT_FOR_RENDITIONS: Final = headers.CONDITIONS | {"x-amz-checksum-mode", "x-amz-te"}


async def probe(read: ObjectRead) -> AsStored | None:
    """Request the object from the store; return its response unless the object is managed.

    Raises:
        BeingCompleted: The plain object may be about to be replaced.
        S3Error: The store does not respond, or the manifest is invalid.
    """
    plain: Response | None = None
    asked = read.asked
    # A rendition that may be served needs no HEAD before it.
    known = read.parts.index.managed(asked.target.bucket, asked.target.key)
    if asked.offered is not None or not known:
        plain = await _ask(read, asked.as_sent())
        if read.found is not None or plain.status not in _AMBIGUOUS:
            return _plain(read, plain)
    if plain is None and await _is_remembered(read):
        return None
    if await _is_managed(read, plain):
        return None
    if plain is None:
        # A rendition may have replaced it meanwhile.
        plain = await _ask(read, asked.as_sent())
    return _plain(read, plain)


async def _is_remembered(read: ObjectRead) -> bool:
    """Return whether the store has lately let this caller read a file that is in the cache."""
    remembered, asked = read.parts.authorizations, read.asked
    if not remembered.enabled or asked.method != "GET":
        return False
    granted = remembered.get(Asked.of(asked.caller, _unconditional(asked)))
    if granted is None:
        return False
    data = await read.parts.compute.cache.get(granted.found.cache_key)
    if data is None:
        return False  # the rendition has to be asked for in any case
    read.found = granted.found
    read.response = RememberedResponse(granted.headers)
    read.file = File(data, granted.found.manifest.etag)
    return True


async def _ask(read: ObjectRead, request: Request) -> Response:
    """Send a request, keep its response open, and record the object."""
    response = await read.open.enter_async_context(read.client.send(request))
    read.found = _found(read, response)
    read.response = response
    return response


async def _is_managed(read: ObjectRead, plain: Response | None) -> bool:
    """Send HEAD without conditions; a response about a managed object stays open.

    Args:
        read: Records the object.
        plain: Response for a plain object; None: not requested yet.
    """
    if plain is not None and plain.content.at_eof():
        plain.let_go()
    try:
        async with AsyncExitStack() as attempt:
            request, remembered = _unconditional(read.asked), read.parts.authorizations
            asked = Asked.of(read.asked.caller, request) if remembered.enabled else None
            writes = 0 if asked is None else remembered.writes(asked)
            head = await attempt.enter_async_context(read.client.send(request))
            read.found = _found(read, head)
            if read.found is None:
                return False
            if asked is not None and head.status == HTTPStatus.OK:
                remembered.note(asked, read.found, head.headers, writes)
            if plain is not None:
                plain.let_go()
            read.response = head
            read.open.push_async_exit(attempt.pop_all())
            return True
    except S3Error as error:
        # The store disconnects on HEAD for the same reason it refused the first request.
        refused = plain is not None and plain.status == HTTPStatus.BAD_REQUEST
        if not refused or error.code != "ServiceUnavailable":
            raise
        return False


def _plain(read: ObjectRead, response: Response) -> AsStored | None:
    if read.found is not None:
        return None
    if read.asked.version_id is None:
        read.parts.completing.check(read.asked.target, headers.bare_etag(response.headers))
    return AsStored(response)


def _found(read: ObjectRead, response: Response) -> ManagedObject | None:
    parts, asked = read.parts, read.asked
    try:
        return recognize(response, asked.target, asked.version_id, parts.seals, parts.index)
    except S3Error:
        asked.applicable_headers(response)
        raise


def _unconditional(asked: ReadRequest) -> Request:
    """Return a request for the object without conditions.

    Headers that decide whether the store responds at all are kept.
    """
    request = asked.as_head()
    query = request.query
    if query:
        query = "&".join(p for p in query.split("&") if p and not p.startswith("partNumber="))
    elif _NOT_FOR_RENDITIONS.isdisjoint(map(str.lower, request.headers)):
        return request
    kept = headers.without(request.headers, _NOT_FOR_RENDITIONS)
    return replace(request, query=query, headers=kept)
