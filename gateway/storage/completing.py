"""Multipart uploads that are being completed; reads of their keys wait.

For a while the store shows the plain object under the same ETag that its rendition will have for
clients: a client could continue a read of one with the other. A store may take until the response
of CompleteMultipartUpload to show the object, so readers can just as well wait.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target

_MAX_WAIT_S: Final = 20.0
"""Longest wait of a reader: most clients time out after 60 s, and retry after SlowDown."""


class BeingCompleted(S3Error):
    """The object may be about to be replaced under the same ETag."""

    def __init__(self) -> None:
        super().__init__("SlowDown", "An upload to this key is being completed. Please try again.")


@dataclass(slots=True)
class _Work:
    """Uploads being completed at one key."""

    count: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class PendingCompletions:
    """Track the multipart uploads that this process completes and may optimize.

    Args:
        max_wait_s: Longest wait of a reader, seconds.
    """

    def __init__(self, max_wait_s: float = _MAX_WAIT_S) -> None:
        self._max_wait_s = max_wait_s
        self._under_way: dict[tuple[str, str], _Work] = {}

    @contextlib.contextmanager
    def track(self, target: Target) -> Iterator[None]:
        """Track an upload to this key for the duration of the block."""
        work = self._under_way.setdefault(_name(target), _Work())
        work.count += 1
        try:
            yield
        finally:
            work.count -= 1
            if not work.count:
                del self._under_way[_name(target)]
                work.ended.set()

    def check(self, target: Target, etag: str) -> None:
        """Check that a plain object is not about to be replaced by its rendition.

        Args:
            target: Bucket and key.
            etag: ETag of the object; only those of multipart uploads contain a dash.

        Raises:
            BeingCompleted: It may be.
        """
        if "-" in etag and _name(target) in self._under_way:
            raise BeingCompleted

    async def wait(self, target: Target) -> None:
        """Wait until uploads to this key are completed, or the wait times out."""
        work = self._under_way.get(_name(target))
        if work is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._max_wait_s):
                await work.ended.wait()


def _name(target: Target) -> tuple[str, str]:
    return target.bucket, target.key
