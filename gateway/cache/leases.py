"""Who restores a file for all gateways that share a Redis, and who waits for it.

Whoever comes first takes a lease in Redis (``SET NX PX`` with a token) and renews it while at work;
it expires when its owner dies. The others hear of its end on a channel: they neither ask again and
again nor wait for longer than the lease lasts without asking whether somebody still holds it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from gateway.cache.redis_client import RedisConnection, Unavailable
from gateway.cache.redis_pubsub import LeaseNotifications
from gateway.telemetry import metrics

_RENEWALS: Final = 3
"""How often a lease is renewed in the time that it lasts."""


class Leases:
    """Let one gateway at a time do the same work.

    Args:
        redis: Where leases are.
        channel: Where their ends are told.
        lease_s: How long one lasts that is not renewed, seconds.
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
        """Hold the lease of that name during the block, or have waited until its owner was done.

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
        """Give the lease; None when the work has been done by somebody else or Redis fails."""
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
                continue  # its owner is still at work, or has died
            except Unavailable:
                break
            if done:
                metrics.REDIS_LEASES.labels("waited").inc()
                return None
        metrics.REDIS_LEASES.labels("failed").inc()
        return None

    async def _attempt(self, name: str) -> Any:
        async with self._redis.writing() as client:
            lease = client.lock(f"{name}:lease", timeout=self._lease_s, thread_local=False)
            return lease if await lease.acquire(blocking=False) else None

    async def _renew(self, lease: Lock) -> None:
        """Keep the lease; when it is lost, somebody else may do the same work, and no harm."""
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
                with contextlib.suppress(LockError):  # it has expired, and may be another's now
                    await lease.release()
                await client.publish(self._channel, LeaseNotifications.message(name, done=done))
        except Unavailable:
            return  # it expires


async def _kept(lease: Lock) -> bool:
    try:
        await lease.reacquire()
    except LockError:
        return False
    return True
