"""Put a rendition in the place of the plain object that a multipart upload has become.

Once the write has begun it is seen to its end, whether the client still waits or not: a version
that was left behind would be paid for beside its rendition for as long as the bucket lives.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

import structlog

from codec.manifest import Manifest
from codec.reasons import Reason, Refused
from gateway.exchange import Exchange
from gateway.relay import sent
from gateway.s3.errors import S3Error
from gateway.s3.listing_xml import View
from gateway.storage.completed_object import Plain
from gateway.storage.listing_index import Sighting
from gateway.storage.stored_object import look, request_for
from gateway.storage.upstream import Request

_log = structlog.get_logger(__name__)

_ATTEMPTS = 3
"""Of the removal: what is lost on the way to the store arrives with the next one as a rule."""


async def put_in_place(
    exchange: Exchange, plain: Plain, request: Request, manifest: Manifest
) -> str | None:
    """Write a rendition on condition that the plain object is still there, and remove that.

    Args:
        exchange: The request that completed the upload.
        plain: What it has become.
        request: Stores the rendition; with If-Match.
        manifest: Of the rendition.

    Returns:
        The version id of the rendition; None in a bucket without versions.

    Raises:
        Refused: The store did not take it; the plain object stays.
        S3Error: ServiceUnavailable, likewise.
    """
    finishing = exchange.storage.finishing
    task = asyncio.create_task(_put_in_place(exchange, plain, request, manifest))
    finishing.add(task)
    task.add_done_callback(finishing.discard)
    return await asyncio.shield(task)


async def _put_in_place(
    exchange: Exchange, plain: Plain, request: Request, manifest: Manifest
) -> str | None:
    completing = exchange.storage.completing
    with exchange.limits.in_flight.track(), completing.at(exchange.target):
        answered = await _written(exchange, request, manifest)
        view, target = View(manifest.size, manifest.etag), exchange.target
        exchange.storage.index.put(target.bucket, target.key, Sighting.of(answered), view)
        version_id = answered.get("x-amz-version-id")
        # Never the rendition's own: a store without versions may call both the same.
        if plain.outlives_replacement and plain.version_id != version_id:
            await _remove(exchange, plain)
        return version_id


async def _written(exchange: Exchange, request: Request, manifest: Manifest) -> Mapping[str, str]:
    """Write the rendition; return what the store's answer says of it in its headers."""
    try:
        return await _write(exchange, request)
    except (Refused, S3Error):
        # Where an answer is lost, aiohttp sends a PUT anew: then the first one has failed the
        # condition of the second. What stands is to be seen.
        found = await look(exchange, exchange.target)
        if found is None or _unsealed(found.manifest) != _unsealed(manifest):
            raise
        return found.upstream


async def _write(exchange: Exchange, request: Request) -> Mapping[str, str]:
    async with sent(exchange, request) as response:
        if response.status != HTTPStatus.OK:
            raise Refused(Reason.REPLACED, str(response.status))
        return response.headers


def _unsealed(manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"seal": None})


async def _remove(exchange: Exchange, plain: Plain) -> None:
    """Remove exactly the version that this upload made; where that is forbidden, it stays."""
    request = request_for(exchange, "DELETE", exchange.target, plain.version_id)
    answer = ""
    for _ in range(_ATTEMPTS):
        try:
            async with sent(exchange, request) as response:
                if response.status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}:
                    return
                answer = str(response.status)
                if response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    break
        except S3Error as error:
            answer = error.message
    _log.warning(
        "plain version not removed",
        bucket=exchange.target.bucket,
        key=exchange.target.key,
        version_id=plain.version_id,
        reason=answer,
    )
