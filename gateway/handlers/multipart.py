"""CompleteMultipartUpload: what became one image is optimized before the answer is given.

The parts are the upstream's own, durable at once. The upstream completes the upload; the whole is
then read back, optimized, and replaced on condition that nobody wrote to the key meanwhile. When
anything fails on the way, the plain object stays.
"""

import asyncio
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from multidict import CIMultiDict

from codec.reasons import Reason, Refused
from config import Policies, Policy
from gateway.handlers.call import Call, forwarded
from gateway.handlers.passthrough import PassThrough
from gateway.handlers.replacing import Replacing
from gateway.http.request_body import expects_continue
from gateway.optimize.report import Report
from gateway.optimize.screening import policy_for, refusal
from gateway.s3 import headers
from gateway.s3 import xml as s3xml
from gateway.s3.errors import S3Error
from gateway.storage.completed_object import completed
from gateway.storage.messages import Response, read_bounded
from gateway.storage.metadata import CREATED_WITH
from gateway.storage.storage import Storage
from gateway.telemetry.ledger import Ledger
from gateway.workers.pool import Busy

_log = structlog.get_logger(__name__)

_MAX_RESULT: Final = 1 << 16
_MAX_PARTS: Final = 1 << 17  # bytes of a list of parts; of the largest image it has some 40 KB
_PATIENCE_S: Final = 5.0
"""How long a client waits for the answer before it gets white space: most give up after 60 s."""


class CreateUpload:
    """Serve CreateMultipartUpload, and remember what a later GET would not tell.

    Args:
        policies: In force.
        storage: The store.
        plain: Streams answers of the store.
    """

    def __init__(self, policies: Policies, storage: Storage, plain: PassThrough) -> None:
        self._policies = policies
        self._storage = storage
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Serve one request."""
        policy = policy_for(self._policies, call.target)
        async with call.client.send(forwarded(call)) as response:
            # What its headers say is judged again, of the object that the upload becomes.
            if response.status != HTTPStatus.OK or policy is None or _refusal(call) is not None:
                return await self._plain.answer(call, response)
            body = await read_bounded(response, _MAX_RESULT)
            shown = headers.end_to_end(response.headers.items())
        upload_id = s3xml.text(s3xml.parse(body), "UploadId")
        kept = {n: v for n, v in call.headers.items() if n.lower().startswith(CREATED_WITH)}
        self._storage.uploads.put(upload_id, kept)
        return call.whole(shown, body)


class CompleteUpload:
    """Serve CompleteMultipartUpload.

    Args:
        policies: In force.
        storage: The store.
        replacing: Puts renditions in the place of what was completed.
        ledger: What shadow policies find out.
        plain: Streams answers of the store.
    """

    def __init__(
        self,
        policies: Policies,
        storage: Storage,
        replacing: Replacing,
        ledger: Ledger,
        plain: PassThrough,
    ) -> None:
        self._policies = policies
        self._storage = storage
        self._replacing = replacing
        self._ledger = ledger
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Serve one request."""
        policy = policy_for(self._policies, call.target)
        if policy is None or policy.mode != "optimize" or _refusal(call) is not None:
            return await self._complete(call, policy)
        length = call.upload.length or 0
        if length > _MAX_PARTS or expects_continue(call.request):
            return await self._complete(call, policy)
        # Readers must not have to wait for a client that does not send its list of parts.
        await call.upload.peek(length)
        with self._storage.completing.at(call.target):
            return await self._complete(call, policy)

    async def _complete(self, call: Call, policy: Policy | None) -> web.StreamResponse:
        async with call.client.send(forwarded(call)) as response:
            if response.status != HTTPStatus.OK or policy is None:
                return await self._plain.answer(call, response)
            if (why := _refusal(call)) is not None:
                self._report(call, policy).stays(why)
                return await self._plain.answer(call, response)
            shown = headers.end_to_end(response.headers.items())
            shown.popall("Content-Length", None)
            version_id = response.headers.get("x-amz-version-id")
            work = asyncio.create_task(self._finish(call, response, policy, version_id))
            try:
                # A version id stands in the head of the answer, which therefore has to wait.
                await asyncio.wait({work}, timeout=_patience_s(version_id))
                if not work.done():
                    return await _answer_slowly(call, shown, work)
                body, version_id = work.result()
            finally:
                work.cancel()
        if version_id is not None:
            shown["x-amz-version-id"] = version_id
        return call.whole(shown, body)

    async def _finish(
        self, call: Call, response: Response, policy: Policy, version_id: str | None
    ) -> tuple[bytes, str | None]:
        """Optimize what was completed.

        Returns:
            The body to answer with, and the version id that the object has now.
        """
        body = await read_bounded(response, _MAX_RESULT)
        root = s3xml.parse(body.strip())
        if s3xml.name(root) != "CompleteMultipartUploadResult":
            return body, version_id  # an error that comes with 200
        report = self._report(call, policy)
        try:
            plain = await completed(call.client, call.target, root, version_id)
            return body, await self._replacing.replace(call, policy, plain, report)
        except (Refused, Busy) as why:
            report.stays(why)
        except S3Error as error:
            # The upload is complete, whatever became of the rendition.
            _log.warning("not optimized", key=call.target.key, reason=error.message)
            report.stays(Refused(Reason.UNAVAILABLE, error.message))
        return body, version_id

    def _report(self, call: Call, policy: Policy) -> Report:
        # What completes an upload in parts does not say how large that is.
        return Report(self._ledger, policy, call.target, None)


def _refusal(call: Call) -> Refused | None:
    return refusal(call.target.key, call.headers, signed=call.identity is not None)


def _patience_s(version_id: str | None) -> float | None:
    return _PATIENCE_S if version_id in {None, "null"} else None


async def _answer_slowly(
    call: Call, shown: CIMultiDict[str], work: asyncio.Task[tuple[bytes, str | None]]
) -> web.StreamResponse:
    """Send white space until the answer is there, as S3 does: it keeps clients from giving up."""
    answer = call.begin(HTTPStatus.OK, shown)
    await answer.prepare(call.request)
    await answer.write(s3xml.DECLARATION)
    while not work.done():
        await answer.write(b" ")
        await asyncio.wait({work}, timeout=_PATIENCE_S)
    try:
        body, _ = work.result()
    except S3Error as error:
        # The status is out already; S3, too, sends such an error with 200.
        body = error.to_xml(resource=call.target.path, request_id=call.request_id)
    await answer.write(s3xml.write(s3xml.parse(body)).removeprefix(s3xml.DECLARATION))
    await answer.write_eof()
    return answer
