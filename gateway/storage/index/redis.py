"""The index in Redis, shared by all gateways and kept across their restarts."""

import contextlib
import hashlib
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from slimgate.config import RedisCacheSettings
from slimgate.gateway.cache.redis_client import RedisConnection, Unavailable
from slimgate.gateway.storage.index import record
from slimgate.gateway.storage.listing_index import ADMITTED, Entry, Known, ListedObject

_PREFIX: Final = "slimgate:index:1"
_SLOTS: Final = 16
"""Slots of a cluster that hold the index; a page takes a script in each."""

_GROUP: Final = 64
"""Entries of a group: hashes of at most 128 short fields take little more memory than their
content."""

_TTL_S: Final = 30 * 86_400
"""Lifetime of a group after its last write."""

_GET: Final = """
local found = {}
for i, group in ipairs(KEYS) do
  -- Another program's value may be of any size.
  local short = redis.call('HSTRLEN', group, ARGV[i]) <= 256
  found[i] = short and redis.call('HGET', group, ARGV[i])
end
return found
"""

# The same rules as record.merged, and room for at most ARGV[1] entries in each group.
_PUT: Final = """
local function uncertain(old, new)
  local old_flags, old_since, old_window = struct.unpack('>BI4I2', old)
  local flags, since, window = struct.unpack('>BI4I2', new)
  if flags % 2 == 1 or string.sub(old, 8, 15) ~= string.sub(new, 8, 15) then return false end
  if since > old_since + old_window or old_since > since + window then return false end
  return old_flags - old_flags % 2 ~= flags or string.sub(old, 24) ~= string.sub(new, 24)
end
for i, group in ipairs(KEYS) do
  local field, new, admitted = ARGV[3 * i], ARGV[3 * i + 1], ARGV[3 * i + 2]
  local old = redis.call('HGET', group, field)
  if old and #old >= 23 and uncertain(old, new) then
    redis.call('HDEL', group, field)
  elseif old or redis.call('HLEN', group) < tonumber(ARGV[1]) then
    redis.call('HSET', group, field, new)
  elseif admitted == '1' then
    redis.call('HDEL', group, redis.call('HRANDFIELD', group))
    redis.call('HSET', group, field, new)
  end
  redis.call('EXPIRE', group, ARGV[2])
end
"""


class _Place(NamedTuple):
    """Where an entry is: the slot of a cluster, a hash in it, and a field of that."""

    slot: int
    group: str
    field: bytes


class RedisIndex:
    """Hold entries in Redis 6.2 or later; without a working Redis, every lookup misses at once.

    Entries are fields of small hashes, chosen by a digest of store, bucket and key. A full hash
    drops a random entry for one that is admitted.

    Args:
        settings: Address and timeout.
        store: URL of the store.
        max_entries: Most entries; the same for all gateways, since it decides on their places.
    """

    def __init__(self, settings: RedisCacheSettings, store: str, max_entries: int) -> None:
        self._redis = RedisConnection(settings)
        self._store = store
        self._groups = max(1, max_entries // _GROUP)
        self._random = random.Random()  # noqa: S311  # no secret

    async def open(self) -> None:
        """Do nothing: connections are opened by need."""

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.close()

    async def get(self, bucket: str, page: Sequence[ListedObject]) -> list[Known | None]:
        """Look up all objects of a page, in one round trip."""
        names = [record.names(listed) for listed in page]
        places = {name: self._place(bucket, name) for each in names for name in each}
        found = await self._fetched(list(places.values()))
        return [
            record.first_match(
                listed, [found[places[name]] for name in each if places[name] in found]
            )
            for listed, each in zip(page, names, strict=True)
        ]

    async def put(self, bucket: str, entries: Sequence[Entry]) -> None:
        """Store entries, in one round trip."""
        groups: dict[int, list[str]] = defaultdict(list)
        words: dict[int, list[bytes | str]] = defaultdict(list)
        for entry in entries:
            packed = record.packed(entry)
            if packed is not None:
                place = self._place(bucket, record.name(entry.key, entry.version_id))
                admitted = "1" if self._random.random() < ADMITTED else "0"
                groups[place.slot].append(place.group)
                words[place.slot] += (place.field, packed, admitted)
        if not words:
            return
        with contextlib.suppress(Unavailable):
            async with self._redis.writing() as client, client.pipeline(transaction=False) as pipe:
                for slot, of_slot in groups.items():
                    pipe.eval(_PUT, len(of_slot), *of_slot, _GROUP, _TTL_S, *words[slot])
                await pipe.execute()

    async def _fetched(self, places: Sequence[_Place]) -> Mapping[_Place, bytes]:
        of_slot: dict[int, list[_Place]] = defaultdict(list)
        for place in places:
            of_slot[place.slot].append(place)
        if not of_slot:
            return {}
        try:
            async with self._redis.reading() as client, client.pipeline(transaction=False) as pipe:
                for each in of_slot.values():
                    groups, fields = [p.group for p in each], [p.field for p in each]
                    pipe.eval(_GET, len(each), *groups, *fields)
                found = await pipe.execute()
        except Unavailable:
            return {}
        return {
            place: data
            for each, of_each in zip(of_slot.values(), found, strict=True)
            for place, data in zip(each, of_each, strict=True)
            if isinstance(data, bytes)
        }

    def _place(self, bucket: str, name: str) -> _Place:
        octets = f"{self._store}\0{bucket}\0{name}".encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(octets, digest_size=16).digest()
        group = int.from_bytes(digest[:8], "big") % self._groups
        slot = group % _SLOTS
        return _Place(slot, f"{_PREFIX}:{{{slot}}}:{self._groups}:{group}", digest[8:])
