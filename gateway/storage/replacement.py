"""Put a rendition in the place of the plain object that a multipart upload has become.

Once the write has begun it is seen to its end, whether the client still waits or not: a version
that was left behind would be paid for beside its rendition for as long as the bucket lives.
"""

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Final, TypeVar

import structlog

from codec.manifest import Manifest
from codec.reasons import Reason, Refused
from gateway.s3.errors import S3Error
from gateway.s3.listing_xml import View
from gateway.s3.routing import Target
from gateway.storage.completed_object import Plain
from gateway.storage.errors import StoreError
from gateway.storage.listing_index import LogicalIndex, Sighting
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import Request
from gateway.storage.object_client import ObjectClient
from gateway.storage.stored_object import look

_log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 3
"""Of the removal: what is lost on the way to the store arrives with the next one as a rule."""

_REMOVED: Final = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})

_T = TypeVar("_T")


async def to_the_end(finishing: set[asyncio.Task[_T]], work: Coroutine[None, None, _T]) -> _T:
    """Do work that goes on when its caller is cancelled.

    Args:
        finishing: Holds the work until it is done.
        work: What to do.
    """
    task = asyncio.create_task(work)
    finishing.add(task)
    task.add_done_callback(finishing.discard)
    return await asyncio.shield(task)


async def put_in_place(
    client: ObjectClient,
    plain: Plain,
    request: Request,
    manifest: Manifest,
    seals: Seals,
    index: LogicalIndex,
) -> str | None:
    """Write a rendition on condition that the plain object is still there, and remove that.

    Args:
        client: On behalf of the caller who completed the upload.
        plain: What it has become.
        request: Stores the rendition.
        manifest: Of the rendition.
        seals: Read the manifest that stands when an answer is lost.
        index: Remembers the view of the rendition.

    Returns:
        The version id of the rendition; None in a bucket without versions.

    Raises:
        Refused: The store did not take it; the plain object stays.
        S3Error: ServiceUnavailable, likewise.
    """
    target = request.target
    try:
        answered = await client.put_if_match(request, plain.etag)
    except (StoreError, S3Error) as error:
        # Where an answer is lost, aiohttp sends a PUT anew: then the first one has failed the
        # condition of the second. What stands is to be seen.
        found = await look(client, target, None, seals, index)
        if found is not None and _unsealed(found.manifest) == _unsealed(manifest):
            answered = found.upstream
        elif isinstance(error, StoreError):
            raise Refused(Reason.REPLACED, error.detail) from error
        else:
            raise
    index.put(target.bucket, target.key, Sighting.of(answered), View(manifest.size, manifest.etag))
    version_id = answered.get("x-amz-version-id")
    # Never the rendition's own: a store without versions may call both the same.
    if plain.outlives_replacement and plain.version_id != version_id:
        await _remove(client, target, plain)
    return version_id


def _unsealed(manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"seal": None})


async def _remove(client: ObjectClient, target: Target, plain: Plain) -> None:
    """Remove exactly the version that this upload made; where that is forbidden, it stays."""
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
    """Remove one version of an object.

    Returns:
        Why it stays; empty when it is gone.
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
