"""CopyObject of plain objects: images that arrive at a policy are optimized.

Applications upload under a prefix of their own and promote by copying. The store copies; the object
is then read back and replaced by a conditional write, as after CompleteMultipartUpload, at once or
from the deferred queue. If anything fails, the plain copy stays.
"""

from collections.abc import Mapping
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
from slimgate.gateway.handlers.origins import CopiedObject
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.handlers.replacing import RenditionReplacement
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.optimize.screening import PLAIN_PARAMETERS, policy_for, refusal
from slimgate.gateway.s3 import copy_result, copy_source, headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.completed_object import PlainObject
from slimgate.gateway.storage.messages import Response, read_bounded
from slimgate.gateway.storage.metadata import is_archived
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.storage.upload_time import kept_time
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.workers.pool import Busy

_log = structlog.get_logger(__name__)

MAX_RESULT: Final = 1 << 16
"""Most bytes of a result."""

_OF_SOURCE: Final = ("content-encoding", "content-type")
"""Headers that describe the copy only where they replace those of the source."""


class PlainCopy:
    """Copy plain objects.

    Args:
        policies: Policies in force.
        storage: The store.
        replacing: Replaces copies by renditions.
        ledger: Records results.
        deferral: Queues copies that are optimized in the background.
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

    async def __call__(
        self, call: Call, spelled: Mapping[str, str], etag: str
    ) -> web.StreamResponse:
        """Let the store copy an object or a part, unless a rendition replaces it concurrently.

        Args:
            call: Request of the client.
            spelled: The copy source header.
            etag: ETag of the source; empty if this caller cannot see it.
        """
        guarded = bool(etag) and not copy_source.excludes_etag(call.headers)
        condition = {copy_source.IF_MATCH: f'"{etag}"'} if guarded else {}
        is_part = "uploadId" in call.parameters
        policy = None if is_part else policy_for(self._policies, call.target)
        if policy is None and not guarded:
            return await self._plain(call, spelled)
        request = forwarded(call, {**spelled, **condition})
        async with AsyncExitStack() as open_:
            why, intent = _refusal(call), None
            if policy is not None and why is None and can_wait(policy, call.headers):
                announced = self._deferral.intent(policy, call.client, call.target, None)
                intent = await open_.enter_async_context(announced)
            response = await open_.enter_async_context(call.client.send(request))
            if response.status != HTTPStatus.OK and intent is not None:
                intent.failed(response.status)
            if guarded:
                check_unchanged(call, response)
            if policy is None or response.status != HTTPStatus.OK:
                return await self._plain.answer(call, response)
            report = Report(self._ledger, policy, call.target, None)
            if why is not None:
                report.stays(why)
                return await self._plain.answer(call, response)
            work = self._finish(call, response, policy, report, intent)
            return await late_answer(call, response, work)

    async def _finish(
        self, call: Call, response: Response, policy: Policy, report: Report, intent: Intent | None
    ) -> Result:
        """Optimize the copy, or queue it."""
        body = await read_bounded(response, MAX_RESULT)
        version_id = response.headers.get("x-amz-version-id")
        # The search takes long and needs a connection of its own: free this one first.
        response.let_go()
        root = s3xml.parse(body.strip())
        if s3xml.name(root) != copy_result.NAME:
            return Result(body, version_id)  # an error with status 200
        try:
            plain, origin = _copied(root, version_id), CopiedObject(self._storage, call)
            if intent is not None:
                intent.stored(plain)
                return Result(body, version_id)
            written = await self._replacing.replace(call, policy, plain, origin, report)
            if written.manifest is not None:
                manifest = written.manifest
                body = copy_result.described(root, manifest.etag, kept_time(manifest))
            return Result(body, written.version_id)
        except (Refused, Busy) as why:
            report.stays(why)
        except S3Error as error:
            # The copy exists, with or without a rendition.
            _log.warning("not optimized", key=call.target.key, reason=error.message)
            report.stays(Refused(Reason.UNAVAILABLE, error.message))
        return Result(body, version_id)


def _copied(result: s3xml.Element, version_id: str | None) -> PlainObject:
    """Return the copy that a result describes."""
    etag = s3xml.text(result, "ETag").strip('"')
    if not etag:
        raise Refused(Reason.UNKNOWN_RESULT)
    return PlainObject(etag, version_id)


def check_unchanged(call: Call, response: Response) -> None:
    """Check that the gateway's own condition did not fail.

    Raises:
        S3Error: SlowDown; a client without conditions does not expect PreconditionFailed.
    """
    own = not copy_source.is_conditional(call.headers)
    if own and response.status == HTTPStatus.PRECONDITION_FAILED:
        raise S3Error(
            "SlowDown", "The source was changed while it was being copied. Please try again."
        )


def _refusal(call: Call) -> Refused | None:
    """Return why a copy stays as it is, whatever its source is."""
    if not call.parameters.keys() <= PLAIN_PARAMETERS:
        return Refused(Reason.QUERY)
    if is_archived(call.headers):
        return Refused(Reason.ARCHIVED)
    sent = headers.without(call.headers, _OF_SOURCE)
    return refusal(call.target.key, sent, signed=call.source is not None)
