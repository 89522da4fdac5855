"""PutObject: eligible images become renditions, everything else is stored unchanged."""

from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from slimgate.codec.containers import SNIFFED
from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policies, Policy
from slimgate.gateway.handlers.call import Call, forwarded
from slimgate.gateway.handlers.deferring import Deferral, can_wait
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.handlers.stored import StoreResponse, note_managed, note_plain
from slimgate.gateway.optimize import pipeline
from slimgate.gateway.optimize.candidate import StoredCandidate
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.optimize.screening import PLAIN_PARAMETERS, policy_for
from slimgate.gateway.s3 import headers
from slimgate.gateway.storage.messages import Request, Response
from slimgate.gateway.storage.object_lock import locks_by_default
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.telemetry.telemetry import Telemetry
from slimgate.gateway.workers.pool import Busy, Workers


class Put:
    """Handle PutObject.

    Args:
        policies: Policies in force.
        storage: The store.
        workers: Search for renditions.
        telemetry: Records results.
        deferral: Queues uploads that are optimized in the background.
        plain: Streams responses of the store.
    """

    def __init__(
        self,
        policies: Policies,
        storage: Storage,
        workers: Workers,
        telemetry: Telemetry,
        deferral: Deferral,
        plain: PassThrough,
    ) -> None:
        self._policies = policies
        self._storage = storage
        self._workers = workers
        self._telemetry = telemetry
        self._deferral = deferral
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        policy = policy_for(self._policies, call.target)
        if policy is None:
            return await self._store_upload(call)
        async with AsyncExitStack() as open_:
            source = _Upload(call)
            open_.callback(source.release)
            taken = StoreResponse(call.client, open_)
            image = self._image(call, policy, source, taken)
            waits = can_wait(policy, call.headers)
            try:
                await pipeline.run(pipeline.ADMIT if waits else pipeline.STEPS, image)
            except (Refused, Busy) as why:
                return await self._store_plain(call, image, why)
            if taken.response is None:
                return await self._store_and_queue(call, policy)
            return await self._answer_managed(call, image.rendition, taken.response)

    def _image(
        self, call: Call, policy: Policy, source: "_Upload", taken: StoreResponse
    ) -> StoredCandidate:
        known = self._storage.locked_buckets
        return StoredCandidate(
            policy=policy,
            target=call.target,
            headers=call.headers,
            source=source,
            workers=self._workers,
            report=Report(self._telemetry.ledger, policy, call.target, call.upload.length),
            signed=call.source is not None,
            asks_more=not call.parameters.keys() <= PLAIN_PARAMETERS,
            locks=partial(locks_by_default, call.client, call.target.bucket, known),
            client=call.client,
            seals=self._storage.seals,
            archive=self._storage.archive,
            plain=source.plain,
            destination=taken.store,
        )

    async def _store_plain(
        self, call: Call, image: StoredCandidate, why: Refused | Busy
    ) -> web.StreamResponse:
        """Store an upload unchanged and record why; if anonymous, only once it is stored."""
        report = Report(self._telemetry.ledger, image.policy, call.target, call.upload.length)
        if call.source is not None:
            report.stays(why)
        if image.data:
            return await self._store_read(call, image.data)
        answer = await self._store_upload(call)
        if call.source is None and answer.status == HTTPStatus.OK:
            report.stays(why)
        return answer

    async def _store_and_queue(self, call: Call, policy: Policy) -> web.StreamResponse:
        async with (
            self._deferral.intent(policy, call.client, call.target, call.upload.length) as intent,
            call.client.send(forwarded(call)) as response,
        ):
            intent.answered(response)
            return await self._answer_plain(call, response)

    async def _store_upload(self, call: Call) -> web.StreamResponse:
        async with call.client.send(forwarded(call)) as response:
            return await self._answer_plain(call, response)

    async def _store_read(self, call: Call, data: bytes) -> web.StreamResponse:
        request = replace(forwarded(call), body=data, length=len(data))
        # A checksum in a trailer is now verified; send it as a header.
        verified: CIMultiDict[str] = CIMultiDict(call.upload.digests.echo())
        verified.popall("x-amz-checksum-type", None)
        verified.update(request.headers)
        async with call.client.send(replace(request, headers=verified)) as response:
            return await self._answer_plain(call, response)

    async def _answer_plain(self, call: Call, response: Response) -> web.StreamResponse:
        if response.status != HTTPStatus.OK:
            return await self._plain.answer(call, response)
        note_plain(self._storage, call.target, response, call.elapsed_s)
        return await self._plain.answer(call, response, extra=call.upload.digests.echo())

    async def _answer_managed(
        self, call: Call, optimized: Optimized, response: Response
    ) -> web.StreamResponse:
        if response.status != HTTPStatus.OK:
            return await self._plain.answer(call, response)
        manifest = optimized.manifest
        note_managed(
            self._storage, self._telemetry, call.target, optimized, response, call.elapsed_s
        )
        shown = headers.client_metadata(response.headers.items())
        shown["ETag"] = f'"{manifest.md5}"'
        shown.update(call.upload.digests.echo())
        shown["x-slimgate-tier"] = manifest.stored.tier
        return call.whole(shown)


class _Upload:
    """The body of a PutObject, as the source of an image."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._held = 0

    @property
    def size(self) -> int:
        """Return the size, bytes."""
        return self._call.upload.length or 0

    async def peek(self) -> bytes:
        """Return the first bytes."""
        return await self._call.upload.peek(SNIFFED)

    async def read(self) -> bytes:
        """Return the whole body, within the client's quota.

        Raises:
            Refused: BUFFERS; the body can still be streamed.
        """
        data = await self._call.upload.read(self._call.upload_quota)
        if data is None:
            raise Refused(Reason.BUFFERS)
        self._held = len(data)
        return data

    async def plain(self) -> Request:
        """Return the request that would store the upload unchanged."""
        return forwarded(self._call)

    def release(self) -> None:
        """Release its memory."""
        self._call.upload_quota.release(self._held)
