"""Process one queued upload: optimize it as a job would, if it is still what was uploaded."""

import time
from contextlib import suppress
from enum import StrEnum
from typing import Final

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policy
from slimgate.gateway.deferred.queue import Claimed
from slimgate.gateway.handlers.deferring import QueuedUpload
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.jobs.noting import note_seen
from slimgate.gateway.jobs.replacement import Replacement
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.optimize import pipeline
from slimgate.gateway.optimize.candidate import StoredCandidate
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.optimize.screening import policy_for
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage import metadata, snapshot
from slimgate.gateway.storage.conditional_writes import check_conditional_writes
from slimgate.gateway.storage.errors import Changed, Denied, check_found
from slimgate.gateway.storage.read_back import ReadBack
from slimgate.gateway.storage.replacement import remove_version
from slimgate.gateway.storage.snapshot import Snapshot
from slimgate.gateway.storage.upload_time import kept_time, stored_time, time_of
from slimgate.gateway.telemetry.telemetry import Telemetry
from slimgate.gateway.workers.pool import Busy

_SLACK_S: Final = 1.0
"""Stores round Last-Modified and their Date to seconds."""

_PASSING: Final = frozenset(
    {Reason.BUFFERS, Reason.BUSY, Reason.ENGINE, Reason.READ_BACK, Reason.UNAVAILABLE}
)
"""Reasons that another attempt may not meet."""

_PASSING_CODES: Final = frozenset({"ServiceUnavailable", "SlowDown"})


class Outcome(StrEnum):
    """What became of a queued upload; the value is the label of the metric."""

    OPTIMIZED = "optimized"
    SHADOW = "shadow"
    STAYS = "stays"
    CHANGED = "changed"


class TryAgain(Exception):
    """Store or workers fail at present; the message says how."""


class Failed(Exception):
    """Another attempt would fail, too; the message says what to do."""


class QueuedImages:
    """Process queued uploads.

    Args:
        tools: Policies, workers, and a client with the credentials of the background.
        buffers: Bytes held in memory.
        telemetry: Records results.
        remove_replaced: Whether to delete the uploaded version in a versioned bucket.
    """

    def __init__(
        self, tools: Tools, buffers: ByteBudget, telemetry: Telemetry, *, remove_replaced: bool
    ) -> None:
        self._tools = tools
        self._buffers = buffers
        self._telemetry = telemetry
        self._remove_replaced = remove_replaced
        self._conditional: set[str] = set()

    async def __call__(self, claimed: Claimed) -> Outcome:
        """Process an upload; may be called again for the same one.

        Raises:
            TryAgain, Failed: The object is as it was.
        """
        try:
            return await self._processed(claimed)
        except Changed:
            return Outcome.CHANGED
        except Denied as error:
            raise Failed(str(error)) from error
        except S3Error as error:
            kind = TryAgain if error.code in _PASSING_CODES else Failed
            raise kind(error.message) from error

    async def _processed(self, claimed: Claimed) -> Outcome:
        upload, target = claimed.upload, claimed.upload.target
        client = self._tools.client.altered(passed_along=upload.passed_along)
        tools = self._tools._replace(client=client)
        seen = await snapshot.take(client, target, tools.seals)
        note_seen(tools, seen)
        if seen.manifest is not None:
            return await self._managed(tools, claimed, seen)
        policy = policy_for(tools.policies, target)
        if policy is None or not _is_upload(claimed, seen):
            return Outcome.CHANGED
        report = Report(self._telemetry.ledger, policy, target, seen.size)
        try:
            return await self._optimized(tools, policy, upload, seen, report)
        except (Refused, Busy) as why:
            if why.reason in _PASSING:
                raise TryAgain(str(why)) from why
            report.stays(why)
            return Outcome.STAYS

    async def _optimized(
        self, tools: Tools, policy: Policy, upload: QueuedUpload, seen: Snapshot, report: Report
    ) -> Outcome:
        """Optimize an upload.

        Raises:
            Refused, Busy, Changed, Denied, S3Error: The object is as it was.
        """
        metadata.repeated(seen.headers)
        if policy.mode == "optimize":
            await self._check_conditional_writes(tools, policy, upload.bucket)
        async with tools.client.get(seen.target, etag=seen.state.etag) as response:
            check_found(response)
            source = ReadBack(response, self._buffers)
            image = Replacement(tools, seen).image(policy, source, report)
            try:
                if policy.mode == "shadow":
                    await pipeline.run(pipeline.RECORD, image)
                    return Outcome.SHADOW
                return await self._replaced(tools, upload, seen, image)
            finally:
                source.release()

    async def _replaced(
        self, tools: Tools, upload: QueuedUpload, seen: Snapshot, image: StoredCandidate
    ) -> Outcome:
        try:
            await pipeline.run(pipeline.LATER, image)
        except Changed:
            # If a response is lost, the PUT is repeated, and fails by what the first one stored.
            if image.small is None:
                raise
            now = await snapshot.take(tools.client, seen.target, tools.seals)
            if now.manifest != image.rendition.manifest:
                raise
        found = image.rendition
        manifest, size = found.manifest, len(found.rendition)
        self._telemetry.saved(upload.bucket, manifest.stored.tier, manifest.size, size)
        if self._remove_replaced and seen.state.outlives_replacement:
            await remove_version(tools.client, seen.target, seen.state.version_id)
        return Outcome.OPTIMIZED

    async def _managed(self, tools: Tools, claimed: Claimed, seen: Snapshot) -> Outcome:
        """Finish what an earlier attempt has begun, if the rendition is of this upload."""
        upload, manifest = claimed.upload, seen.manifest
        if manifest is None or manifest.md5 != upload.etag:
            return Outcome.CHANGED
        named = upload.version_id not in {None, "null", seen.state.version_id}
        if self._remove_replaced and named and claimed.attempts > 1:
            with suppress(Changed):  # it is gone already
                client, seals = tools.client, tools.seals
                earlier = await snapshot.take(client, seen.target, seals, upload.version_id)
                if _is_replaced(earlier, manifest):
                    await remove_version(client, seen.target, upload.version_id)
        return Outcome.OPTIMIZED

    async def _check_conditional_writes(self, tools: Tools, policy: Policy, bucket: str) -> None:
        """Check once per bucket that a rendition cannot replace a newer upload.

        Raises:
            Denied, S3Error: The store ignores If-Match, does not permit writing, or does not
                respond.
        """
        if bucket not in self._conditional:
            await check_conditional_writes(tools.client, bucket, policy.prefix)
            self._conditional.add(bucket)


def _is_replaced(earlier: Snapshot, manifest: Manifest) -> bool:
    """Return whether a rendition is that of a version, not of a later upload of the same bytes."""
    uploaded, stored = kept_time(manifest), stored_time(earlier.headers)
    return uploaded is not None and uploaded.replace(microsecond=0) == stored


def _is_upload(claimed: Claimed, seen: Snapshot) -> bool:
    """Return whether an object is the upload, or may be it if its process was lost meanwhile."""
    if claimed.upload.etag:
        return seen.state.etag == claimed.upload.etag
    stored = stored_time(seen.headers)
    if stored is None:
        return True
    # Compare ages, each by one clock: those of gateway and store may differ.
    age_s = (time_of(seen.headers) - stored).total_seconds()
    return age_s <= time.time() - claimed.added + _SLACK_S
