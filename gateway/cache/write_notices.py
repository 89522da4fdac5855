"""Gateways that share Redis tell each other which objects were written.

What one remembers about an object then ends in all of them. A message has a digest per object, or
of a bucket that has changed as a whole.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Final, Self

from slimgate.gateway.cache.object_names import digest
from slimgate.gateway.cache.redis_client import RedisConnection, Unavailable
from slimgate.gateway.cache.redis_pubsub import messages, subscribed

CHANNEL: Final = "slimgate:written:1"
_RETRY_S: Final = 1.0
_MAX_BYTES: Final = 1 << 17


def object_name(bucket: str, key: str) -> str:
    """Return the name of an object in messages; that of its bucket if the key is empty."""
    return f"object {digest(bucket, key)}" if key else f"bucket {digest(bucket)}"


def notice(bucket: str, keys: Collection[str]) -> bytes:
    """Return the message that objects were written; an empty key: anything of the bucket."""
    return "\n".join(object_name(bucket, key) for key in keys).encode()


class WriteNotices:
    """Listen to the messages of all gateways.

    Args:
        redis: Connection of its own, closed with it.
        on_write: Called with the name of each written object or changed bucket.
        on_gap: Called when messages may have been missed.
    """

    def __init__(
        self,
        redis: RedisConnection,
        on_write: Callable[[str], None],
        on_gap: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._on_write = on_write
        self._on_gap = on_gap
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._redis.close()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                pubsub = await subscribed(self._redis, CHANNEL)
                self._on_gap()
                async with contextlib.aclosing(messages(pubsub)) as heard:
                    async for said in heard:
                        self._hear(said)
                self._on_gap()
            await asyncio.sleep(_RETRY_S)

    def _hear(self, said: object) -> None:
        if isinstance(said, bytes) and len(said) <= _MAX_BYTES:
            for name in said.decode("ascii", "replace").split("\n"):
                self._on_write(name)
        elif isinstance(said, bytes):
            self._on_gap()
