"""CreateMultipartUpload and CompleteMultipartUpload: completed images are optimized.

Parts go to the upstream directly and are durable at once. The upstream completes the upload; the
object is read back, optimized, and replaced by a conditional write, at once or from the deferred
queue. If anything fails, the plain object stays.
"""

from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policies, Policy
from slimgate.gateway.handlers.call import Call, forwarded
from slimgate.gateway.handlers.deferring import Deferral, Intent, can_wait
from slimgate.gateway.handlers.late_answer import Result, late_answer
from slimgate.gateway.handlers.origins import CompletedUpload
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.handlers.replacing import RenditionReplacement
from slimgate.gateway.http.request_body import expects_continue
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.optimize.screening import policy_for, refusal
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.completed_object import completed
from slimgate.gateway.storage.messages import Response, read_bounded
from slimgate.gateway.storage.metadata import CREATED_WITH
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.workers.pool import Busy

_log = structlog.get_logger(__name__)

_MAX_RESULT: Final = 1 << 16
_MAX_PARTS: Final = 1 << 17  # bytes of a part list; the largest images need about 40 KB


class CreateUpload:
    """Handle CreateMultipartUpload, and keep the headers that a later GET does not return.

    Args:
        policies: Policies in force.
        storage: The store.
        plain: Streams responses of the store.
    """

    def __init__(self, policies: Policies, storage: Storage, plain: PassThrough) -> None:
        self._policies = policies
        self._storage = storage
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        policy = policy_for(self._policies, call.target)
        async with call.client.send(forwarded(call)) as response:
            # The resulting object is judged again when the upload is completed.
            if response.status != HTTPStatus.OK or policy is None or _refusal(call) is not None:
                return await self._plain.answer(call, response)
            body = await read_bounded(response, _MAX_RESULT)
            shown = headers.end_to_end(response.headers.items())
        upload_id = s3xml.text(s3xml.parse(body), "UploadId")
        kept = {n: v for n, v in call.headers.items() if n.lower().startswith(CREATED_WITH)}
        self._storage.uploads.put(upload_id, kept)
        return call.whole(shown, body)


class CompleteUpload:
    """Handle CompleteMultipartUpload.

    Args:
        policies: Policies in force.
        storage: The store.
        replacing: Replaces completed uploads by renditions.
        ledger: Records results.
        deferral: Queues uploads that are optimized in the background.
        plain: Streams responses of the store.
    """

    def __init__(
        self,
        policies: Policies,
        storage: Storage,
        replacing: RenditionReplacement,
        ledger: Ledger,
        deferral: Deferral,
        plain: PassThrough,
    ) -> None:
        self._policies = policies
        self._storage = storage
        self._replacing = replacing
        self._ledger = ledger
        self._deferral = deferral
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        policy = policy_for(self._policies, call.target)
        if policy is None or _refusal(call) is not None or self._can_wait(call, policy):
            return await self._complete(call, policy)
        length = call.upload.length or 0
        if length > _MAX_PARTS or expects_continue(call.request):
            return await self._complete(call, policy)
        # Read the part list first: readers must not wait for a slow client.
        await call.upload.peek(length)
        with self._storage.completing.track(call.target):
            return await self._complete(call, policy)

    def _can_wait(self, call: Call, policy: Policy) -> bool:
        """Return whether the object is optimized in the background."""
        upload_id = call.parameters["uploadId"]
        if policy.mode == "optimize" and self._storage.copied.peek(upload_id) is not None:
            return False  # its rendition is known, and would be forgotten
        return can_wait(policy, self._storage.uploads.peek(upload_id) or {})

    async def _complete(self, call: Call, policy: Policy | None) -> web.StreamResponse:
        async with AsyncExitStack() as open_:
            why, intent = _refusal(call), None
            if policy is not None and why is None and self._can_wait(call, policy):
                announced = self._deferral.intent(policy, call.client, call.target, None)
                intent = await open_.enter_async_context(announced)
            response = await open_.enter_async_context(call.client.send(forwarded(call)))
            if response.status != HTTPStatus.OK or policy is None:
                if intent is not None:
                    intent.failed(response.status)
                return await self._plain.answer(call, response)
            if why is not None:
                self._report(call, policy).stays(why)
                return await self._plain.answer(call, response)
            work = self._finish(call, response, policy, intent)
            return await late_answer(call, response, work)

    async def _finish(
        self, call: Call, response: Response, policy: Policy, intent: Intent | None
    ) -> Result:
        """Optimize the completed object, or queue it."""
        body = await read_bounded(response, _MAX_RESULT)
        version_id = response.headers.get("x-amz-version-id")
        # The search takes long and needs a connection of its own: free this one first.
        response.let_go()
        root = s3xml.parse(body.strip())
        if s3xml.name(root) != "CompleteMultipartUploadResult":
            return Result(body, version_id)  # an error with status 200
        report = self._report(call, policy)
        try:
            plain = await completed(call.client, call.target, root, version_id)
            if intent is not None:
                intent.stored(plain)
                return Result(body, version_id)
            origin = CompletedUpload(self._storage, call, plain.etag)
            written = await self._replacing.replace(call, policy, plain, origin, report)
            return Result(body, written.version_id)
        except (Refused, Busy) as why:
            report.stays(why)
        except S3Error as error:
            # The upload is complete, with or without a rendition.
            _log.warning("not optimized", key=call.target.key, reason=error.message)
            report.stays(Refused(Reason.UNAVAILABLE, error.message))
        return Result(body, version_id)

    def _report(self, call: Call, policy: Policy) -> Report:
        # CompleteMultipartUpload does not declare the size of the object.
        return Report(self._ledger, policy, call.target, None)


def _refusal(call: Call) -> Refused | None:
    return refusal(call.target.key, call.headers, signed=call.source is not None)
