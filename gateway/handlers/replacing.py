"""Replace plain objects that a request has just written by their renditions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from multidict import CIMultiDict

from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policy
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.handlers.origins import Origin
from slimgate.gateway.http.limits import Limits
from slimgate.gateway.optimize import pipeline
from slimgate.gateway.optimize.candidate import StoredCandidate
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.s3 import headers
from slimgate.gateway.storage.completed_object import PlainObject
from slimgate.gateway.storage.messages import Request, Response
from slimgate.gateway.storage.metadata import repeated
from slimgate.gateway.storage.object_lock import locks_by_default
from slimgate.gateway.storage.read_back import ReadBack
from slimgate.gateway.storage.replacement import put_in_place, to_the_end
from slimgate.gateway.storage.snapshot import Snapshot
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.storage.upload_time import kept
from slimgate.gateway.telemetry.telemetry import Telemetry
from slimgate.gateway.workers.pool import Workers


class Written(NamedTuple):
    """What is stored now.

    Attributes:
        version_id: Version ID; None in an unversioned bucket.
        manifest: Manifest of the rendition; None: the object is as it was.
    """

    version_id: str | None
    manifest: Manifest | None = None


class RenditionReplacement:
    """Replace plain objects by their renditions.

    Args:
        storage: The store.
        workers: Search for renditions.
        limits: Limits across requests.
        telemetry: Records results.
    """

    def __init__(
        self, storage: Storage, workers: Workers, limits: Limits, telemetry: Telemetry
    ) -> None:
        self._storage = storage
        self._workers = workers
        self._limits = limits
        self._telemetry = telemetry

    async def replace(
        self, call: Call, policy: Policy, plain: PlainObject, origin: Origin, report: Report
    ) -> Written:
        """Replace a plain object by its rendition.

        Args:
            call: The request that has written the object.
            policy: Its policy.
            plain: The object.
            origin: What its headers do not tell.
            report: Records the result.

        Raises:
            Refused, Busy: The plain object stays.
            S3Error: The plain object stays; the store does not respond.
        """
        locks = partial(
            locks_by_default, call.client, call.target.bucket, self._storage.locked_buckets
        )
        # Ask first, while no connection is held; the answer is cached.
        if await locks():
            raise Refused(Reason.LOCKED)
        async with call.client.get(call.target, plain.version_id, etag=plain.etag) as response:
            if response.status != HTTPStatus.OK:
                raise Refused(Reason.READ_BACK, f"answered with {response.status}")
            seen = _seen(call, plain, response)
            if headers.MANIFEST in seen.headers:
                # A copy of a rendition that was not visible to this caller.
                return Written(seen.state.version_id)
            work = _Replacement(self._storage, self._limits, call, seen, origin)
            source = ReadBack(response, self._limits.buffers)
            image = self._image(work, policy, source, report, locks)
            try:
                await pipeline.run(pipeline.STEPS, image)
            finally:
                source.release()
        manifest = image.rendition.manifest
        stored_size = len(image.rendition.rendition)
        bucket, tier = call.target.bucket, manifest.stored.tier
        self._telemetry.saved(bucket, tier, manifest.size, stored_size)
        return Written(work.stored_version_id, manifest)

    def _image(
        self,
        work: "_Replacement",
        policy: Policy,
        source: ReadBack,
        report: Report,
        locks: Callable[[], Awaitable[bool]],
    ) -> StoredCandidate:
        call = work.call
        return StoredCandidate(
            policy=policy,
            target=call.target,
            headers=repeated(work.seen.headers),
            source=source,
            workers=self._workers,
            report=report,
            locks=locks,
            known=partial(work.origin.known, work.seen),
            client=call.client,
            seals=self._storage.seals,
            archive=self._storage.archive,
            plain=work.plain_request,
            destination=work.store,
            upload_etag=work.origin.upload_etag,
            uploaded=partial(kept, call.target, work.seen.headers),
        )


def _seen(call: Call, plain: PlainObject, response: Response) -> Snapshot:
    """Return the object in a response to GET, as the version that was written."""
    shown = headers.end_to_end(response.headers.items())
    shown["ETag"] = f'"{plain.etag}"'
    # Not every store names the version that it has written, or that it returns.
    if plain.version_id is not None:
        shown["x-amz-version-id"] = plain.version_id
    return Snapshot(call.target, response.content_length or 0, shown, None)


@dataclass(slots=True)
class _Replacement:
    """The replacement of a plain object.

    Attributes:
        storage: The store.
        limits: Limits across requests.
        call: The request that has written the object.
        seen: The object.
        origin: What its headers do not tell.
        stored_version_id: Version ID of the stored rendition.
    """

    storage: Storage
    limits: Limits
    call: Call
    seen: Snapshot
    origin: Origin
    stored_version_id: str | None = None

    async def plain_request(self) -> Request:
        """Return the PUT that would store the same object, with tags and grants.

        Raises:
            Refused: They cannot be determined, or the object is shared.
        """
        kept = CIMultiDict(self.call.client.passed_along)
        kept.update(await self.origin.described(self.seen))
        return Request("PUT", self.call.target, headers=kept)

    async def store(self, request: Request, optimized: Optimized) -> None:
        """Store the rendition; once started, this runs to its end.

        Raises:
            Refused: The store did not accept it.
        """
        work = self._store(request, optimized.manifest)
        self.stored_version_id = await to_the_end(self.storage.finishing, work)

    async def _store(self, request: Request, manifest: Manifest) -> str | None:
        storage, target = self.storage, self.call.target
        with self.limits.in_flight.track(), storage.completing.track(target):
            return await put_in_place(
                self.call.client, self.seen.state, request, manifest, storage.seals, storage.index
            )
