"""Wait for messages of a Redis channel, on one connection for all waiters."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from slimgate.gateway.cache.redis_client import BROKEN, RedisConnection, Unavailable

_MAX_WAITING: Final = 1000
_SILENCE_S: Final = 5.0
"""Silence after which the connection is pinged."""

_DONE: Final = b"done:"
_GIVEN_UP: Final = b"given up:"


async def subscribed(redis: RedisConnection, channel: str) -> Any:
    """Subscribe to a channel, and wait for the confirmation: later messages are not missed.

    Returns:
        The subscription, which :func:`messages` closes.

    Raises:
        Unavailable: Redis failed.
    """
    async with redis.reading() as client:
        await client.initialize()  # a cluster client has to load its nodes first
        pubsub: Any = client.pubsub()
        try:
            await pubsub.subscribe(channel)
            while (await pubsub.get_message(timeout=_SILENCE_S) or {}) == {}:
                pass
        except BaseException:
            await pubsub.aclose()
            raise
    return pubsub


async def messages(pubsub: Any) -> AsyncGenerator[object, None]:
    """Yield messages until the connection is lost, pinging it in silence."""
    asked = False
    try:
        while True:
            message = await pubsub.get_message(timeout=_SILENCE_S)
            if message is None:
                if asked:
                    return
                await pubsub.ping()
            elif message["type"] == "message":
                yield message["data"]
            asked = message is None
    except BROKEN:
        return
    finally:
        await pubsub.aclose()


class LeaseNotifications:
    """Wait until named work is done.

    Args:
        redis: The connection.
        channel: The channel.
    """

    def __init__(self, redis: RedisConnection, channel: str) -> None:
        self._redis = redis
        self._channel = channel
        self._waiting: dict[bytes, set[asyncio.Future[bool]]] = {}
        self._connecting = asyncio.Lock()
        self._listener: asyncio.Task[None] | None = None

    @staticmethod
    def message(name: str, *, done: bool) -> bytes:
        """Return the message that work is done, or that it was abandoned."""
        return (_DONE if done else _GIVEN_UP) + name.encode()

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener

    @asynccontextmanager
    async def subscribed(self, name: str) -> AsyncIterator["asyncio.Future[bool]"]:
        """Yield a future of the next message about a name: True if the work is done.

        The future raises ``Unavailable`` if the connection is lost.

        Raises:
            Unavailable: Redis failed, or too many names are waited for.
        """
        if len(self._waiting) >= _MAX_WAITING:
            raise Unavailable
        await self._listen()
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(name.encode(), set())
        waiting.add(future)
        try:
            yield future
        finally:
            waiting.discard(future)
            if not waiting:
                self._waiting.pop(name.encode(), None)

    async def _listen(self) -> None:
        """Subscribe, and wait for the confirmation: later messages are not missed."""
        async with self._connecting:
            if self._listener is not None and not self._listener.done():
                return
            self._listener = asyncio.create_task(
                self._hear(await subscribed(self._redis, self._channel))
            )

    async def _hear(self, pubsub: Any) -> None:
        try:
            async for said in messages(pubsub):
                self._tell(said)
        finally:
            self._give_up()

    def _tell(self, said: object) -> None:
        if not isinstance(said, bytes):
            return
        for beginning in (_DONE, _GIVEN_UP):
            if said.startswith(beginning):
                for future in self._waiting.get(said.removeprefix(beginning), ()):
                    if not future.done():
                        future.set_result(beginning == _DONE)

    def _give_up(self) -> None:
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(Unavailable())
                    future.exception()  # mark as retrieved: the waiter may be gone
