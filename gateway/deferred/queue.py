"""The deferred queue as its workers see it.

An entry belongs to an owner (a gateway process) while its upload is being sent or its image is at
work. Owners renew their entries; those of a lost owner are queued again once its lease has ended.
Each entry is processed at least once: processing is repeatable.
"""

import json
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import structlog
from multidict import CIMultiDict

from slimgate.gateway.handlers.deferring import IntentQueue, QueuedUpload
from slimgate.gateway.s3 import headers

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An entry at work.

    Attributes:
        token: Identifies the entry.
        upload: The upload.
        added: When the intent was noted, Unix seconds.
        attempts: Attempts begun, this one included.
    """

    token: str
    upload: QueuedUpload
    added: float
    attempts: int


class Depth(NamedTuple):
    """How much is queued.

    Attributes:
        entries: Entries, those at work and those being sent included.
        oldest_s: Age of the oldest one, seconds; 0: there is none.
    """

    entries: int
    oldest_s: float


class DeferredQueue(IntentQueue, Protocol):
    """A durable queue; all methods raise :class:`QueueUnavailable`."""

    @property
    def is_begun(self) -> bool:
        """Return whether there may be uploads in the queue before it is opened."""
        ...

    async def open(self) -> None:
        """Open the queue, creating it if necessary."""
        ...

    async def close(self) -> None:
        """Close the queue; entries of this owner are queued again when its lease ends."""
        ...

    async def claim(self) -> Claimed | None:
        """Return an entry that is due, the one due first, for this owner; None: none is due."""
        ...

    async def renew(self) -> None:
        """Renew the lease of all entries of this owner."""
        ...

    async def complete(self, claimed: Claimed) -> None:
        """Remove an entry that is processed."""
        ...

    async def retry(self, claimed: Claimed, pause_s: float) -> None:
        """Queue an entry again.

        Args:
            claimed: The entry.
            pause_s: Time until it is due, seconds.
        """
        ...

    async def depth(self) -> Depth:
        """Return how much is queued."""
        ...


def dumps(upload: QueuedUpload) -> str:
    """Return an upload as ASCII; it contains no secrets."""
    fields = {
        "b": upload.bucket, "k": upload.key, "e": upload.etag, "v": upload.version_id,
        "h": dict(upload.passed_along),
    }  # fmt: skip
    return json.dumps(fields, separators=(",", ":"))


def loads(token: str, text: str | bytes) -> QueuedUpload | None:
    """Read an upload; None: it is none, and the log says so.

    Only headers are taken over that an upload may have: others may write to Redis, too.

    Args:
        token: Identifies the entry.
        text: What :func:`dumps` has returned, perhaps of another version.
    """
    try:
        fields = json.loads(text)
        names = (str(fields["b"]), str(fields["k"]), str(fields["e"]))
        version_id = None if fields["v"] is None else str(fields["v"])
        said = CIMultiDict((str(name), str(value)) for name, value in fields["h"].items())
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        hint = "slimgate job optimize finds its upload"
        _log.error("deferred entry unreadable", entry=token, reason=repr(error), hint=hint)
        return None
    return QueuedUpload(*names, version_id, dict(headers.caller_headers(said)))
