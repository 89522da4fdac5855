"""Form uploads that the gateway verifies, and stores by PutObject on behalf of their signers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policies, Policy
from slimgate.gateway.cache.memory import Cache
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.handlers.deferring import Deferral, Intent, can_wait
from slimgate.gateway.handlers.form_file import FormFile, ReceivedForm, location
from slimgate.gateway.handlers.stored import StoreResponse, note_managed, note_plain
from slimgate.gateway.http import responses
from slimgate.gateway.http.spooled_file import SpooledFile
from slimgate.gateway.optimize import pipeline
from slimgate.gateway.optimize.candidate import StoredCandidate
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.optimize.screening import policy_for
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.digests import sha256_hex
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.post_form import PostForm
from slimgate.gateway.storage.credentials.callers import Signer
from slimgate.gateway.storage.messages import Body, Request, Response, read_bounded
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.object_lock import locks_by_default
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.telemetry.telemetry import Telemetry
from slimgate.gateway.workers.pool import Busy, Workers

_MAX_ERROR: Final = 1 << 16


class FormUpload:
    """Store the files of forms that are signed with a key of the gateway.

    Args:
        policies: Policies in force.
        storage: The store.
        workers: Search for renditions.
        telemetry: Records results.
        deferral: Queues uploads that are optimized in the background.
        cache: Restored files.
    """

    def __init__(
        self,
        policies: Policies,
        storage: Storage,
        workers: Workers,
        telemetry: Telemetry,
        deferral: Deferral,
        cache: Cache,
    ) -> None:
        self._policies = policies
        self._storage = storage
        self._workers = workers
        self._telemetry = telemetry
        self._deferral = deferral
        self._cache = cache

    async def __call__(
        self, call: Call, received: ReceivedForm, signer: Signer
    ) -> web.StreamResponse:
        """Store a form.

        Raises:
            Refused, Busy: Send the form to the store as it is: the store can verify it.
            S3Error: The form is refused.
        """
        async with AsyncExitStack() as open_:
            form = _read(call, received, signer)
            known = signer.is_known_upstream(form.fields.target)
            open_.callback(form.file.release)
            if not known:
                form.verify()
            policy = policy_for(self._policies, form.fields.target)
            if policy is not None:
                return await self._under_policy(form, policy, open_)
            if known:
                raise Refused(Reason.FORM)
            return await self._spool(form)

    async def _under_policy(
        self, form: "_Form", policy: Policy, open_: AsyncExitStack
    ) -> web.StreamResponse:
        target = form.fields.target
        taken = StoreResponse(form.client, open_)
        image = self._image(form, policy, taken)
        try:
            await pipeline.run(pipeline.SCREEN, image)
            form.verify()
            waits = can_wait(policy, form.put_headers)
            await pipeline.run(pipeline.ADMIT if waits else pipeline.STEPS, image)
        except (Refused, Busy) as why:
            if not image.data and form.signer.is_known_upstream(target):
                raise
            Report(self._telemetry.ledger, policy, target, len(image.data) or None).stays(why)
            return await (self._put(form, image.data) if image.data else self._spool(form))
        response = taken.response
        if response is None:
            size = image.source.size or None
            async with self._deferral.intent(policy, form.client, target, size) as form.intent:
                return await self._spool(form)
        if response.status == HTTPStatus.OK:
            elapsed_s = form.call.elapsed_s
            note_managed(
                self._storage, self._telemetry, target, image.rendition, response, elapsed_s
            )
        manifest = image.rendition.manifest
        shown = {"x-slimgate-tier": manifest.stored.tier}
        return await self._answer(form, response, manifest.md5, shown)

    def _image(self, form: "_Form", policy: Policy, taken: StoreResponse) -> StoredCandidate:
        target, known = form.fields.target, self._storage.locked_buckets
        return StoredCandidate(
            policy=policy,
            target=target,
            headers=form.put_headers,
            source=form.file,
            workers=self._workers,
            report=Report(self._telemetry.ledger, policy, target, None),
            locks=partial(locks_by_default, form.client, target.bucket, known),
            client=form.client,
            seals=self._storage.seals,
            archive=self._storage.archive,
            plain=form.plain_request,
            destination=taken.store,
        )

    async def _put(self, form: "_Form", data: bytes) -> web.StreamResponse:
        """Store a file in memory as it is."""
        return await self._store(form, data, len(data), await sha256_hex(data))

    async def _spool(self, form: "_Form") -> web.StreamResponse:
        """Store a file as it is, by way of the disk: its size is known only at its end."""
        file = SpooledFile(form.call.body_limits.spool)
        try:
            digest = await form.file.spool(file)
            body: AsyncIterator[bytes] | None = file.pieces() if file.size else None
            return await self._store(form, body, file.size, digest)
        finally:
            file.close()

    async def _store(
        self, form: "_Form", body: Body, length: int, digest: str
    ) -> web.StreamResponse:
        request = replace(await form.plain_request(), body=body, length=length, payload_hash=digest)
        async with form.client.send(request) as response:
            if form.intent is not None:
                form.intent.answered(response)
            if response.status == HTTPStatus.OK:
                note_plain(self._storage, form.fields.target, response, form.call.elapsed_s)
            return await self._answer(form, response, headers.bare_etag(response.headers), {})

    async def _answer(
        self, form: "_Form", response: Response, etag: str, more: Mapping[str, str]
    ) -> web.StreamResponse:
        """Return the response that the form asks for, or the store's error."""
        call, target = form.call, form.fields.target
        shown = headers.client_metadata(response.headers.items())
        if response.status != HTTPStatus.OK:
            body = await read_bounded(response, _MAX_ERROR)
            return responses.whole(call.request_id, shown, body, response.status)
        await self._cache.drop(target.bucket, [target.key])
        answer = form.fields.response(location(call, target.quoted_key), etag)
        shown.update({"ETag": f'"{etag}"', "Location": answer.location, **more, **form.file.echo()})
        if answer.body:
            shown["Content-Type"] = s3xml.CONTENT_TYPE
        return responses.whole(call.request_id, shown, answer.body, answer.status)


@dataclass
class _Form:
    """A form, and the PutObject that stores its file.

    Attributes:
        call: Request of the client.
        received: The form.
        signer: Owner of the key that signed it.
        file: Its file.
        intent: Queues it; None: it is not optimized in the background.
    """

    call: Call
    received: ReceivedForm
    signer: Signer
    file: FormFile = field(init=False)
    intent: Intent | None = None

    def __post_init__(self) -> None:
        self.file = FormFile(self.call, self.received, self.put_headers)

    @property
    def fields(self) -> PostForm:
        """Return the fields."""
        return self.received.form

    @cached_property
    def put_headers(self) -> CIMultiDict[str]:
        """Return the headers of the PutObject.

        Raises:
            S3Error: A field cannot be a header.
        """
        return self.fields.put_headers()

    @cached_property
    def client(self) -> ObjectClient:
        """Return the client of the store, for the signer."""
        return self.call.client.altered(source=self.signer.source)

    def verify(self) -> None:
        """Verify signature and policy.

        Raises:
            S3Error: They do not permit the form.
        """
        self.file.permitted = self.fields.verified(self.signer.pair.secret_key, datetime.now(UTC))

    async def plain_request(self) -> Request:
        """Return the PutObject, without its body."""
        made = CIMultiDict(self.client.passed_along)
        made.update(self.put_headers)
        return Request("PUT", self.fields.target, headers=made)


def _read(call: Call, received: ReceivedForm, signer: Signer) -> _Form:
    """Return a form that PutObject can express.

    Raises:
        Refused: It cannot, but the store may understand it.
        S3Error: It cannot.
    """
    try:
        return _Form(call, received, signer)
    except S3Error as error:
        if signer.is_known_upstream(received.form.target):
            raise Refused(Reason.FORM) from error
        raise
