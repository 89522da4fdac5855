"""Leases of shards: one process works on a shard, until it is done or has been silent too long.

A lease is an object that its holder replaces again and again. All changes are compare-and-swap, so
of two processes that want a shard one gets it; how long the holder has been silent is told by the
store's own clock. Each holder has a higher fencing number than all before it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Final

from slimgate.gateway.jobs.state.presence import is_gone
from slimgate.gateway.jobs.state.store import JobStore, Stored
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.http_date import parse_http_date
from slimgate.gateway.storage.errors import Changed

_FOLDER: Final = "leases/"
_MOST: Final = 10**8

LASTS_S: Final = 60.0
"""Silence after which a shard may be taken over, seconds."""

LONGEST_S: Final = 3600.0
"""Longest such silence that a lease may claim, seconds."""


class Taken(Exception):
    """Another process works on the shard.

    Attributes:
        owner: That process.
        free_in_s: Time until it may be taken over, if it is not heard of again, seconds.
    """

    def __init__(self, owner: str, free_in_s: float) -> None:
        super().__init__(owner, free_in_s)  # all arguments, so that it can be pickled
        self.owner = owner
        self.free_in_s = free_in_s

    def __str__(self) -> str:
        """Return what people are told."""
        return f"{self.owner} works on it"


class LeaseLost(Exception):
    """Another process has taken the shard over: what this one does no longer counts."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as its holder wrote it.

    Attributes:
        owner: The process.
        fence: 1 for the first holder of the shard, one more for each later one.
        beat: Number of renewals; no two contents of a lease are equal, so no two ETags are.
        lasts_s: Silence after which it may be taken over, seconds.
        is_free: Whether the holder has given the shard back.
        rows: Objects that are recorded.
    """

    owner: str
    fence: int = 1
    beat: int = 0
    lasts_s: float = LASTS_S
    is_free: bool = False
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that this process holds.

    Attributes:
        shard: Number of the shard.
        lease: The lease.
        etag: Its ETag, without quotes.
    """

    shard: int
    lease: Lease
    etag: str


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one process on the shards of one action.

    Attributes:
        store: The folder of the round.
        owner: This process; unlike every other one, also of the past.
        lasts_s: Silence after which others may take a shard over, seconds.
        is_gone: Whether another process has certainly ended, so that its leases mean nothing.
    """

    store: JobStore
    owner: str
    lasts_s: float = LASTS_S
    is_gone: Callable[[str], bool] = is_gone

    async def claim(self, shard: int) -> Held:
        """Get hold of a shard.

        Raises:
            Taken: Another process works on it.
            Denied, S3Error: The store does not permit it, or does not respond.
        """
        mine = Lease(self.owner, lasts_s=self.lasts_s)
        try:
            return Held(shard, mine, await self.store.create(_name(shard), _written(mine)))
        except Changed:
            found = await self.store.read(_name(shard))
        if found is None:
            raise Taken("another process", self.lasts_s)
        theirs, left_s = _read(found)
        if not theirs.is_free and left_s > 0 and not self.is_gone(theirs.owner):
            raise Taken(theirs.owner, left_s)
        return await self._replaced(shard, replace(mine, fence=theirs.fence + 1), found.etag)

    async def renew(self, held: Held, rows: int = 0) -> Held:
        """Say that this process still works on the shard.

        Args:
            held: The lease as it was written last.
            rows: Objects that are recorded, for people.

        Raises:
            LeaseLost: It was taken over.
            Denied, S3Error: As :meth:`claim`.
        """
        lease = replace(held.lease, beat=held.lease.beat + 1, rows=rows)
        try:
            return await self._replaced(held.shard, lease, held.etag)
        except Taken as error:
            raise LeaseLost(f"shard {held.shard} was taken over") from error

    async def release(self, held: Held) -> None:
        """Give a shard back before it is done; if it was taken over, it is not ours to give.

        Raises:
            Denied, S3Error: As :meth:`claim`.
        """
        lease = replace(held.lease, beat=held.lease.beat + 1, is_free=True)
        try:
            await self.store.replace(_name(held.shard), _written(lease), held.etag)
        except Changed:
            return

    async def _replaced(self, shard: int, lease: Lease, etag: str) -> Held:
        try:
            etag = await self.store.replace(_name(shard), _written(lease), etag)
        except Changed as error:
            raise Taken("another process", self.lasts_s) from error
        return Held(shard, lease, etag)


async def look(store: JobStore, shard: int) -> Lease | None:
    """Return the valid lease on a shard; None: no process works on it.

    Raises:
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    found = await store.read(_name(shard))
    if found is None:
        return None
    lease, left_s = _read(found)
    return None if lease.is_free or left_s <= 0 else lease


async def shards(store: JobStore) -> set[int]:
    """Return the numbers of all shards that a process has worked on.

    Raises:
        Denied, S3Error: The store does not permit listing, or does not respond.
    """
    found = set[int]()
    async for page in store.names(_FOLDER):
        found.update(int(name) for each in page if (name := each.removeprefix(_FOLDER)).isdecimal())
    return found


def _name(shard: int) -> str:
    return f"{_FOLDER}{shard:08}"


def _written(lease: Lease) -> bytes:
    return json.dumps(asdict(lease)).encode()


def _read(found: Stored) -> tuple[Lease, float]:
    """Return a lease, and for how long it is valid without renewal, seconds."""
    age_s = age(found.headers)
    try:
        lease = Lease(**json.loads(found.data))
        _check(lease)
        return lease, lease.lasts_s - age_s
    except (TypeError, ValueError, RecursionError):
        # Damaged by hand: it says nothing, and its holder fails at the next renewal.
        return Lease("nobody", fence=0), LASTS_S - age_s


def _check(lease: Lease) -> None:
    """Check a lease that was read.

    Raises:
        TypeError, ValueError: No process has written it so.
    """
    kinds = {"owner": str, "fence": int, "beat": int, "rows": int, "is_free": bool}
    if any(type(getattr(lease, name)) is not kind for name, kind in kinds.items()):
        raise TypeError("not the fields of a lease")
    if not (0 < lease.fence < _MOST and 0 <= lease.rows < _MOST and 0 < lease.lasts_s <= LONGEST_S):
        raise ValueError("not the values of a lease")


def age(shown: Mapping[str, str]) -> float:
    """Return the age of an object by the store's own clock, from one response, seconds.

    Raises:
        S3Error: The response does not tell.
    """
    now, then = (parse_http_date(shown.get(name, "")) for name in ("Date", "Last-Modified"))
    if now is None or then is None:
        raise S3Error("InternalError", "The store's response has no Date or no Last-Modified.")
    return (now - then) / timedelta(seconds=1)
