"""Leases in Redis: one gateway restores a file, the others wait for it.

The first gateway takes a lease (``SET NX PX`` with a token) and renews it while it works; the lease
expires if its owner dies. The others learn from a channel that the owner is done. They do not poll,
and they check the lease again whenever it could have expired.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from slimgate.gateway.cache.redis_client import Client, RedisConnection, Unavailable
from slimgate.gateway.cache.redis_pubsub import LeaseNotifications
from slimgate.gateway.telemetry import metrics

_RENEWALS: Final = 3
"""Renewals within the lifetime of a lease."""

_NO_EXPIRY: Final = -1  # PTTL
_LONGEST_MS: Final = 60_000
"""Longest lifetime of a lease that the settings allow, milliseconds."""


class Leases:
    """Let one gateway at a time do the same work.

    Args:
        redis: Holds the leases.
        channel: Announces released leases.
        lease_s: Lifetime of a lease that is not renewed, seconds.
        max_wait_s: Longest wait for another owner, seconds: as long as its work may take.
    """

    def __init__(
        self, redis: RedisConnection, channel: str, lease_s: float, max_wait_s: float
    ) -> None:
        self._redis = redis
        self._lease_s = lease_s
        self._max_wait_s = max_wait_s
        self._channel = channel
        self._notifications = LeaseNotifications(redis, channel)

    async def close(self) -> None:
        """Stop listening."""
        await self._notifications.close()

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Hold the lease during the block, or wait until its owner is done.

        Without a working Redis the block begins at once.
        """
        lease = await self._acquired(name)
        if lease is None:
            yield
            return
        metrics.REDIS_LEASES.labels("taken").inc()
        renewing = asyncio.create_task(self._renew(lease))
        done = False
        try:
            yield
            done = True
        finally:
            renewing.cancel()
            await self._release(lease, name, done=done)

    async def _acquired(self, name: str) -> Any:
        """Return the lease; None if another gateway has done the work, or Redis fails."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._max_wait_s
        while (left_s := end - loop.time()) > 0:
            try:
                async with self._notifications.subscribed(name) as woken:
                    lease = await self._attempt(name)
                    if lease is not None:
                        return lease
                    async with asyncio.timeout(min(left_s, self._lease_s)):
                        done = await woken
            except TimeoutError:
                continue  # the owner is still working, or has died
            except Unavailable:
                break
            if done:
                metrics.REDIS_LEASES.labels("waited").inc()
                return None
        metrics.REDIS_LEASES.labels("failed").inc()
        return None

    async def _attempt(self, name: str) -> Any:
        async with self._redis.writing() as client:
            lease = client.lock(_lease(name), timeout=self._lease_s, thread_local=False)
            if await lease.acquire(blocking=False):
                return lease
            await self._expire(client, name)
            return None

    async def _expire(self, client: Client, name: str) -> None:
        """Let a lease expire that would outlast its owner: no gateway wrote it."""
        longest_ms = int(self._lease_s * 1000)
        left_ms = await client.pttl(_lease(name))
        if left_ms == _NO_EXPIRY or left_ms > _LONGEST_MS:
            await client.pexpire(_lease(name), longest_ms)

    async def _renew(self, lease: Lock) -> None:
        """Renew the lease; if it is lost, another gateway may repeat the work."""
        kept = True
        while kept:
            await asyncio.sleep(self._lease_s / _RENEWALS)
            try:
                async with self._redis.writing():
                    kept = await _kept(lease)
            except Unavailable:
                kept = False

    async def _release(self, lease: Lock, name: str, *, done: bool) -> None:
        try:
            async with self._redis.writing() as client:
                with contextlib.suppress(LockError):  # it has expired, and may have another owner
                    await lease.release()
                await client.publish(self._channel, LeaseNotifications.message(name, done=done))
        except Unavailable:
            return  # it expires


def _lease(name: str) -> str:
    return f"{name}:lease"


async def _kept(lease: Lock) -> bool:
    try:
        await lease.reacquire()
    except LockError:
        return False
    return True
