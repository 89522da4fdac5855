"""The queue in Redis, which several gateways share: streams with one consumer group.

Intents are in a stream of their own until the store has responded. Uploads go to a second stream;
gateway processes claim them as one consumer of its group, and take over what the process that
claimed it has not renewed. Uploads to retry wait in a sorted set.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

from redis.exceptions import ResponseError

from slimgate.config import Deferred, RedisCacheSettings
from slimgate.gateway.cache.redis_client import Client, RedisConnection, Unavailable
from slimgate.gateway.deferred import redis_scripts
from slimgate.gateway.deferred.queue import Claimed, Depth, dumps, loads
from slimgate.gateway.handlers.deferring import QueuedUpload, QueueUnavailable

_GROUP: Final = "gateways"
_CONSUMER: Final = "gateway"
"""Of all processes: what one has claimed it renews, and Redis never forgets a consumer."""


class RedisQueue:
    """Hold uploads in Redis; as durable as that Redis is.

    Args:
        redis: Address and timeout.
        store: URL of the store: its gateways share a queue.
        settings: Lease, and most entries.
    """

    def __init__(self, redis: RedisCacheSettings, store: str, settings: Deferred) -> None:
        self._redis = RedisConnection(redis)
        self._lease_ms = int(settings.lease_s * 1000)
        self._max_queued = settings.max_queued
        self._owner = uuid.uuid4().hex
        # One slot of a cluster: scripts move uploads between these keys.
        slot = hashlib.blake2b(store.encode(), digest_size=8).hexdigest()
        kinds = ("intents", "uploads", "later", "owners")
        self._keys = [f"slimgate:deferred:{{{slot}}}:{kind}" for kind in kinds]
        self._claimed: set[str] = set()

    @property
    def is_begun(self) -> bool:
        """Return whether there may be uploads of other gateways: always."""
        return True

    async def open(self) -> None:
        """Create the group of the stream, and announce this process."""
        await self._call(self._create_group)
        await self.renew()

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.close()

    async def intend(self, upload: QueuedUpload) -> str | None:
        """Note durably that an upload is about to be sent to the store."""
        arguments = (self._max_queued, self._owner, dumps(upload), time.time())
        found = await self._script(redis_scripts.INTEND, *arguments)
        return None if found is None else _text(found)

    async def confirm(self, token: str, upload: QueuedUpload) -> None:
        """Queue an upload that the store has accepted."""
        await self._script(redis_scripts.CONFIRM, token, dumps(upload), time.time())

    async def withdraw(self, token: str) -> None:
        """Forget an upload that the store has refused."""
        await self._call(lambda client: client.xdel(self._keys[0], token))

    async def leave(self, token: str) -> None:
        """Queue an upload of which it is unknown whether the store has accepted it."""
        found = await self._call(lambda client: client.xrange(self._keys[0], token, token))
        for _, fields in found:
            member = _member(token, _text(fields[b"u"]), float(fields[b"a"]), 0)
            await self._later(token, "", member, self._lease_ms)

    async def claim(self) -> Claimed | None:
        """Return an entry that is due for this owner."""
        found: Claimed | None = await self._call(self._claim)
        return found

    async def renew(self) -> None:
        """Renew the lease of all entries of this owner, and queue what is due or was lost."""
        await self._script(redis_scripts.RENEW, self._owner, self._lease_ms)
        if claimed := sorted(self._claimed):
            await self._call(
                lambda client: client.xclaim(
                    self._keys[1], _GROUP, _CONSUMER, 0, claimed, justid=True
                )
            )

    async def complete(self, claimed: Claimed) -> None:
        """Remove an entry that is processed."""
        self._claimed.discard(claimed.token)
        await self._call(lambda client: self._remove(client, claimed.token))

    async def retry(self, claimed: Claimed, pause_s: float) -> None:
        """Queue an entry again."""
        self._claimed.discard(claimed.token)
        text = dumps(claimed.upload)
        member = _member(claimed.token, text, claimed.added, claimed.attempts)
        await self._later("", claimed.token, member, int(pause_s * 1000))

    async def depth(self) -> Depth:
        """Return how much is queued."""
        found: Depth = await self._call(self._depth)
        return found

    async def _create_group(self, client: Client) -> None:
        try:
            await client.xgroup_create(self._keys[1], _GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _claim(self, client: Client) -> Claimed | None:
        try:
            found = await self._due(client)
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            await self._create_group(client)  # Redis has lost the keys
            return None
        if not found:
            return None
        token, fields = _text(found[0][0]), found[0][1]
        pending = await client.xpending_range(self._keys[1], _GROUP, token, token, 1)
        delivered = int(pending[0]["times_delivered"]) if pending else 1
        upload = loads(token, fields.get(b"u", b""))
        if upload is None:
            await self._remove(client, token)
            return None
        self._claimed.add(token)
        attempts = int(fields[b"n"]) + delivered
        return Claimed(token, upload, float(fields[b"a"]), attempts)

    async def _remove(self, client: Client, token: str) -> None:
        await client.xack(self._keys[1], _GROUP, token)
        await client.xdel(self._keys[1], token)

    async def _due(self, client: Client) -> Any:
        """Return an entry that its owner has not renewed, or else a new one; empty: none."""
        stream = self._keys[1]
        lost = await client.xautoclaim(stream, _GROUP, _CONSUMER, self._lease_ms, count=1)
        return lost[1] or _entries(
            await client.xreadgroup(_GROUP, _CONSUMER, {stream: ">"}, count=1)
        )

    async def _depth(self, client: Any) -> Depth:
        intents, uploads, later, _ = self._keys
        count = await client.xlen(intents) + await client.xlen(uploads) + await client.zcard(later)
        added = [
            float(fields[b"a"])
            for stream in (intents, uploads)
            for _, fields in await client.xrange(stream, count=1)
        ]
        added += [float(json.loads(each)["a"]) for each in await client.zrange(later, 0, 0)]
        return Depth(count, max(0.0, time.time() - min(added)) if added else 0.0)

    async def _later(self, intent: str, upload: str, member: str, pause_ms: int) -> None:
        await self._script(redis_scripts.LATER, intent, upload, _GROUP, member, pause_ms)

    async def _script(self, script: str, *arguments: str | float) -> Any:
        return await self._call(lambda client: client.eval(script, 4, *self._keys, *arguments))

    async def _call(self, work: Any) -> Any:
        try:
            async with self._redis.writing() as client:
                return await work(client)
        except Unavailable as error:
            cause = error.__cause__
            raise QueueUnavailable(f"Redis: {cause or 'unavailable'}") from error


def _entries(read: Any) -> Any:
    """Return the entries in a response to XREADGROUP, of RESP2 or RESP3."""
    if isinstance(read, Mapping):
        return [entry for lists in read.values() for entries in lists for entry in entries]
    return [entry for _, entries in read or () for entry in entries]


def _member(token: str, upload: str, added: float, attempts: int) -> str:
    """Return a member of the sorted set, which is unlike any other."""
    return json.dumps({"t": token, "u": upload, "a": str(added), "n": str(attempts)})


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
