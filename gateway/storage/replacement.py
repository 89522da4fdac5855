"""Replace the plain object of a multipart upload by its rendition.

A write that has begun runs to its end even if the client disconnects: a leftover version would be
paid for as long as the bucket exists.
"""

import asyncio
import time
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Final, TypeVar

import structlog

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.completed_object import PlainObject
from slimgate.gateway.storage.errors import StoreError
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.listing_index import ObjectState
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.stored_object import look_up
from slimgate.gateway.storage.upload_time import logical_view, stored_time, time_of

_log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 3
"""Attempts to delete a version: transient errors rarely repeat."""

_REMOVED: Final = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})

_T = TypeVar("_T")


async def to_the_end(finishing: set[asyncio.Task[_T]], work: Coroutine[None, None, _T]) -> _T:
    """Run work that continues if its caller is cancelled.

    Args:
        finishing: Holds the task until it is done.
        work: The work.
    """
    task = asyncio.create_task(work)
    finishing.add(task)
    task.add_done_callback(finishing.discard)
    return await asyncio.shield(task)


async def put_in_place(
    client: ObjectClient,
    plain: PlainObject,
    request: Request,
    manifest: Manifest,
    seals: Seals,
    index: BufferedIndex,
) -> str | None:
    """Write a rendition if the plain object is still there, and delete that.

    Args:
        client: Client of the store, for the caller who completed the upload.
        plain: The plain object.
        request: Request that stores the rendition.
        manifest: Manifest of the rendition.
        seals: Read the stored manifest if a response is lost.
        index: Receives the view of the rendition.

    Returns:
        Version ID of the rendition; None in an unversioned bucket.

    Raises:
        Refused: The store did not accept it; the plain object stays.
        S3Error: ServiceUnavailable; the plain object stays.
    """
    target, started = request.target, time.monotonic()
    try:
        answered = await client.put_if_match(request, plain.etag)
    except (StoreError, S3Error) as error:
        # If a response is lost, aiohttp retries the PUT, and the first attempt makes the second
        # fail its condition: look at what is stored.
        found = await look_up(client, target, None, seals, index)
        note = request.headers[headers.MANIFEST]
        if found is not None and found.upstream.get(headers.MANIFEST) == note:
            answered = found.upstream
        elif isinstance(error, StoreError):
            raise Refused(Reason.REPLACED, error.detail) from error
        else:
            raise
    # The response to a PUT names no Last-Modified, but cannot be earlier.
    view = logical_view(manifest, target, stored_time(answered) or time_of(answered))
    state = ObjectState.of_write(answered, headers.bare_etag(answered), time.monotonic() - started)
    index.put(target.bucket, target.key, state, view)
    version_id = answered.get("x-amz-version-id")
    # Never delete the rendition itself: an unversioned store may report equal IDs.
    if plain.outlives_replacement and plain.version_id != version_id:
        await _remove(client, target, plain)
    return version_id


async def _remove(client: ObjectClient, target: Target, plain: PlainObject) -> None:
    """Delete exactly the version of this upload; without permission, it stays."""
    reason = await remove_version(client, target, plain.version_id)
    if reason:
        _log.warning(
            "plain version not removed",
            bucket=target.bucket,
            key=target.key,
            version_id=plain.version_id,
            reason=reason,
        )


async def remove_version(client: ObjectClient, target: Target, version_id: str | None) -> str:
    """Delete one version of an object.

    Returns:
        Why it stays; empty if it is gone.
    """
    reason = ""
    for _ in range(_ATTEMPTS):
        try:
            async with client.delete(target, version_id) as response:
                if response.status in _REMOVED:
                    return ""
                reason = str(response.status)
                if response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    break
        except S3Error as error:
            reason = error.message
    return reason
