"""What a write leaves behind: the store's response, and what the gateway notes of it."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus

from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.listing_index import ObjectState
from slimgate.gateway.storage.messages import Request, Response
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.storage.upload_time import logical_view
from slimgate.gateway.telemetry.telemetry import Telemetry


@dataclass(slots=True)
class StoreResponse:
    """The store's response to a rendition that was sent instead of an upload.

    Attributes:
        client: Client of the store, for the uploading caller.
        open: Closes the response.
        response: The response; None: the rendition was not sent.
    """

    client: ObjectClient
    open: AsyncExitStack
    response: Response | None = None

    async def store(self, request: Request, _: Optimized) -> None:
        """Store a rendition.

        Raises:
            Refused: REFUSED; the bucket may require something that only the upload has, such as a
                checksum for object lock.
        """
        async with AsyncExitStack() as attempt:
            response = await attempt.enter_async_context(self.client.send(request))
            if response.status == HTTPStatus.BAD_REQUEST:
                raise Refused(Reason.REFUSED)
            self.response = response
            self.open.push_async_exit(attempt.pop_all())


def note_plain(storage: Storage, target: Target, response: Response, elapsed_s: float) -> None:
    """Note that an upload is stored as it came.

    Args:
        storage: Receives the note.
        target: Bucket and key.
        response: Response to the write.
        elapsed_s: Time since the request began, seconds.
    """
    storage.index.put(target.bucket, target.key, _written(response, elapsed_s), None)


def note_managed(
    storage: Storage,
    telemetry: Telemetry,
    target: Target,
    optimized: Optimized,
    response: Response,
    elapsed_s: float,
) -> None:
    """Note that a rendition is stored.

    Args:
        storage: Receives the note.
        telemetry: Counts the bytes.
        target: Bucket and key.
        optimized: The rendition.
        response: Response to the write.
        elapsed_s: Time since the request began, seconds.
    """
    manifest = optimized.manifest
    tier, size = manifest.stored.tier, len(optimized.rendition)
    telemetry.saved(target.bucket, tier, manifest.size, size)
    view = logical_view(manifest, target, None)  # the rendition is the upload: one time
    storage.index.put(target.bucket, target.key, _written(response, elapsed_s), view)


def _written(response: Response, elapsed_s: float) -> ObjectState:
    etag = headers.bare_etag(response.headers)
    return ObjectState.of_write(response.headers, etag, elapsed_s)
