"""Uploads that the gateway stores as they came, and optimizes later from a durable queue.

The intent to optimize an upload is durable before the upload is sent to the store, so that no crash
loses it: an intent whose process is gone becomes a queued upload, whatever has become of it.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog

from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policy
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.completed_object import PlainObject
from slimgate.gateway.storage.messages import Response
from slimgate.gateway.storage.metadata import has_hidden_context, is_archived
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.telemetry.ledger import Ledger

_PAUSES_S: Final = (0.1, 1.0, 5.0, 30.0, 120.0)
"""Pauses before further attempts to tell the queue what became of an upload, seconds."""

_MAX_TOLD: Final = 10_000
"""Most uploads whose end the queue is still to be told; the others wait for a restart."""

_log = structlog.get_logger(__name__)


class QueueUnavailable(Exception):
    """The queue cannot be read or written at present; the message says why."""


@dataclass(frozen=True, slots=True)
class QueuedUpload:
    """An upload that is to be optimized.

    Attributes:
        bucket: Bucket name.
        key: Decoded key.
        etag: Stored ETag without quotes; empty: unknown.
        version_id: Version ID; None: none, or unknown.
        passed_along: Headers for every request: requester pays and expected bucket owner.
    """

    bucket: str
    key: str
    etag: str = ""
    version_id: str | None = None
    passed_along: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        """Return bucket and key."""
        return key_target(self.bucket, self.key)


class IntentQueue(Protocol):
    """The queue as uploads see it; all methods may be called concurrently.

    All raise :class:`QueueUnavailable`.
    """

    async def intend(self, upload: QueuedUpload) -> str | None:
        """Note durably that an upload is about to be sent to the store.

        Returns:
            A token for the other methods; None: the queue is full.
        """
        ...

    async def confirm(self, token: str, upload: QueuedUpload) -> None:
        """Queue an upload that the store has accepted."""
        ...

    async def withdraw(self, token: str) -> None:
        """Forget an upload that the store has refused."""
        ...

    async def leave(self, token: str) -> None:
        """Queue an upload of which it is unknown whether the store has accepted it."""
        ...


class Intent:
    """What becomes of one upload.

    Args:
        upload: The upload.
        report: Records that it stays as it is.
        token: Its token; None: it could not be queued.
    """

    def __init__(self, upload: QueuedUpload, report: Report, token: str | None) -> None:
        self.token = token
        self.upload = upload
        self.refused = False
        self._report = report

    @property
    def is_stored(self) -> bool:
        """Return whether the store has accepted the upload."""
        return bool(self.upload.etag)

    def answered(self, response: Response) -> None:
        """Take the store's response to a PutObject."""
        if response.status == HTTPStatus.OK:
            version_id = response.headers.get("x-amz-version-id")
            self.stored(PlainObject(headers.bare_etag(response.headers), version_id))
        else:
            self.failed(response.status)

    def stored(self, plain: PlainObject) -> None:
        """Take what the store has made of the upload."""
        self.upload = replace(self.upload, etag=plain.etag, version_id=plain.version_id)
        if self.token is None:
            self._report.stays(Refused(Reason.UNQUEUED))

    def failed(self, status: int) -> None:
        """Take the status of a failure; after those of the store, an upload may be stored."""
        self.refused = status < HTTPStatus.INTERNAL_SERVER_ERROR


class Deferral:
    """Queue uploads of policies that are optimized in the background.

    Args:
        queue: The queue.
        ledger: Ledger of shadow policies.
    """

    def __init__(self, queue: IntentQueue, ledger: Ledger) -> None:
        self._queue = queue
        self._ledger = ledger
        self._telling: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def intent(
        self, policy: Policy, client: ObjectClient, target: Target, size: int | None
    ) -> AsyncIterator[Intent]:
        """Announce an upload before it is sent, and queue it at the end of the block.

        Args:
            policy: Its policy.
            client: Client of the store, for the uploading caller.
            target: Bucket and key.
            size: Bytes of the upload; None: unknown.
        """
        upload = QueuedUpload(target.bucket, target.key, passed_along=dict(client.passed_along))
        report = Report(self._ledger, policy, target, size)
        intent = Intent(upload, report, await self._intend(upload))
        try:
            yield intent
        finally:
            if intent.token is not None:
                self._tell(self._end(intent, intent.token))

    async def close(self) -> None:
        """Tell the queue what it has not been told yet, for as long as it takes the first time."""
        told = list(self._telling)
        if told:
            await asyncio.wait(told, timeout=_PAUSES_S[1])
        for task in list(self._telling):
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _intend(self, upload: QueuedUpload) -> str | None:
        try:
            token = await self._queue.intend(upload)
        except QueueUnavailable as error:
            metrics.DEFERRED_UPLOADS.labels("unavailable").inc()
            _log.warning("deferred queue unavailable", reason=str(error))
            return None
        metrics.DEFERRED_UPLOADS.labels("full" if token is None else "queued").inc()
        return token

    def _tell(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that neither the client nor its disconnection should wait for or end."""
        if len(self._telling) >= _MAX_TOLD:
            work.close()
            return
        task = asyncio.create_task(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _end(self, intent: Intent, token: str) -> None:
        for pause_s in _PAUSES_S:
            try:
                await self._say(intent, token)
            except QueueUnavailable:
                await asyncio.sleep(pause_s)
            else:
                return
        _log.warning("deferred upload waits for a restart", key=intent.upload.key)

    async def _say(self, intent: Intent, token: str) -> None:
        if intent.is_stored:
            await self._queue.confirm(token, intent.upload)
        elif intent.refused:
            await self._queue.withdraw(token)
        else:
            await self._queue.leave(token)


def can_wait(policy: Policy, sent: Mapping[str, str]) -> bool:
    """Return whether an upload can be optimized in the background.

    A few uploads cannot be read back, or not be described by what the store tells of them: those
    are optimized before the client gets its response, like those of other policies.

    Args:
        policy: Its policy.
        sent: Upload headers, case-insensitive.
    """
    if policy.mode == "shadow":
        return True
    return policy.in_background and not is_archived(sent) and not has_hidden_context(sent)
