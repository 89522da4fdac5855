"""Replace completed multipart uploads by their renditions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

from multidict import CIMultiDict

from codec.manifest import Manifest
from codec.optimize import Optimized
from codec.reasons import Reason, Refused
from config import Policy
from gateway.handlers.call import Call
from gateway.http.limits import Limits
from gateway.optimize import pipeline
from gateway.optimize.candidate import StoredCandidate
from gateway.optimize.report import Report
from gateway.optimize.reuse import known_rendition
from gateway.storage.completed_object import PlainObject
from gateway.storage.errors import Denied
from gateway.storage.messages import Request
from gateway.storage.metadata import repeated, tags_of_private
from gateway.storage.object_lock import locks_by_default
from gateway.storage.read_back import ReadBack
from gateway.storage.replacement import put_in_place, to_the_end
from gateway.storage.storage import Storage
from gateway.telemetry.telemetry import Telemetry
from gateway.workers.pool import Workers


class RenditionReplacement:
    """Replace completed multipart uploads by their renditions.

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
        self, call: Call, policy: Policy, plain: PlainObject, report: Report
    ) -> str | None:
        """Replace a plain object by its rendition.

        Returns:
            Current version ID; None in an unversioned bucket.

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
            # Not every store returns the version ID of a completed upload.
            version_id = plain.version_id or response.headers.get("x-amz-version-id")
            work = _Replacement(
                self._storage,
                self._limits,
                call,
                replace(plain, version_id=version_id),
                repeated(response.headers),
            )
            source = ReadBack(response, self._limits.buffers)
            image = self._image(work, policy, source, report)
            image.locks = locks
            try:
                await pipeline.run(
                    pipeline.STEPS if policy.mode == "optimize" else pipeline.RECORD, image
                )
            finally:
                source.release()
        if policy.mode == "shadow":
            return version_id
        size = image.rendition.manifest.size
        self._telemetry.buckets.note(call.target.bucket, size, len(image.rendition.rendition))
        return work.stored_version_id

    def _image(
        self, work: "_Replacement", policy: Policy, source: ReadBack, report: Report
    ) -> StoredCandidate:
        call = work.call
        upload_id = call.parameters["uploadId"]
        return StoredCandidate(
            policy=policy,
            target=call.target,
            headers=work.headers,
            source=source,
            workers=self._workers,
            report=report,
            known=partial(
                known_rendition, call.client, self._storage.copied, upload_id, work.headers
            ),
            client=call.client,
            seals=self._storage.seals,
            plain=work.plain_request,
            destination=work.store,
            upload_etag=work.plain.etag,
        )


@dataclass(slots=True)
class _Replacement:
    """The replacement of a completed upload.

    Attributes:
        storage: The store.
        limits: Limits across requests.
        call: The request that completed the upload.
        plain: The plain object.
        headers: Its headers, for a PUT.
        stored_version_id: Version ID of the stored rendition.
    """

    storage: Storage
    limits: Limits
    call: Call
    plain: PlainObject
    headers: CIMultiDict[str]
    stored_version_id: str | None = None

    async def plain_request(self) -> Request:
        """Return the PUT that would store the same object, with tags and grants.

        Raises:
            Refused: They cannot be determined, or the object is shared.
        """
        kept = CIMultiDict(self.headers)
        kept.update(await self._created_with())
        return Request("PUT", self.call.target, headers=kept)

    async def _created_with(self) -> Mapping[str, str]:
        """Return headers of CreateMultipartUpload, as remembered or as the store knows them."""
        remembered = self.storage.uploads.take(self.call.parameters["uploadId"])
        if remembered is not None:
            return remembered
        client, version_id = self.call.client, self.plain.version_id
        try:
            return await tags_of_private(client, self.call.target, version_id)
        except Denied as error:
            raise Refused(Reason.UNREADABLE, error.detail) from error

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
                self.call.client, self.plain, request, manifest, storage.seals, storage.index
            )
