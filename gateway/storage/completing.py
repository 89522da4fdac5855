"""Keys at which a multipart upload is being completed, which nobody reads meanwhile.

For a while the store shows the plain object there, under the very ETag that its rendition will have
for clients: what was read of the one could be continued with the other. A store may show what an
upload has become as late as with the answer to its completion, so that a reader may as well wait.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.s3.errors import S3Error
from gateway.s3.routing import Target

_PATIENCE_S: Final = 20.0
"""Time that a reader waits: most clients give up after 60 s, and try again after SlowDown."""


class BeingCompleted(S3Error):
    """The object may be about to become another under the same ETag."""

    def __init__(self) -> None:
        super().__init__("SlowDown", "An upload to this key is being completed. Try again.")


@dataclass(slots=True)
class _Work:
    """Uploads that are being completed at one key."""

    count: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Completing:
    """Know where this process completes uploads that may become small.

    Args:
        patience_s: Time that a reader waits, seconds.
    """

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._under_way: dict[tuple[str, str], _Work] = {}

    @contextlib.contextmanager
    def at(self, target: Target) -> Iterator[None]:
        """Note for the time of the block that an upload is completed there."""
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
        """Check that a plain object is not one that is about to become small.

        Args:
            target: Where it is.
            etag: Of the object; only that of an upload in parts has a dash.

        Raises:
            BeingCompleted: It may be.
        """
        if "-" in etag and _name(target) in self._under_way:
            raise BeingCompleted

    async def settled(self, target: Target) -> None:
        """Wait until what is completed there has ended, or patience has."""
        work = self._under_way.get(_name(target))
        if work is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                await work.ended.wait()


def _name(target: Target) -> tuple[str, str]:
    return target.bucket, target.key
