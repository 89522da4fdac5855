"""What a bucket may contain while requests fail: the judge of ``python -m bench.faults``.

A write that was acknowledged is the object. One that broke off may have happened or not, also
later: its key is never written again, and in the end holds one of the two.
"""

import asyncio
import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

ABSENT: Final = None


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A write of an object.

    Attributes:
        number: unique in the run.
        upload: the file; those of one bucket have different lengths.
        in_steps: a multipart upload or a copy, which is stored before it is optimized: until it is
            answered, readers get it as it came.
    """

    number: int
    upload: bytes
    in_steps: bool = False


State = Version | None
"""What a key holds; None: nothing."""


@dataclass(slots=True, eq=False)
class Key:
    """A key, and what it may hold.

    Attributes:
        bucket: bucket of the key.
        name: the key.
        possible: what it may hold now; one state unless a write is in progress or broke off.
        begun: states whose writes have begun, in order.
        lock: held while it is written.
    """

    bucket: str
    name: str
    possible: tuple[State, ...] = (ABSENT,)
    begun: list[State] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def begin(self, state: State) -> None:
        """Note that a write begins."""
        self.possible = (*self.possible, state)
        self.begun.append(state)

    def settle(self, state: State) -> None:
        """Note that the write was acknowledged."""
        self.possible = (state,)

    def refuse(self) -> None:
        """Note that the write certainly has not happened."""
        self.possible = self.possible[:-1]

    @property
    def is_in_doubt(self) -> bool:
        """Return whether a write broke off, if none is in progress."""
        return len(self.possible) > 1


@dataclass(frozen=True, slots=True)
class Moment:
    """A key as it was when a request began.

    Attributes:
        key: the key.
        possible: what it may have held.
        begun: number of writes that had begun.
    """

    key: Key
    possible: tuple[State, ...]
    begun: int

    @classmethod
    def of(cls, key: Key) -> "Moment":
        """Return the present moment of a key."""
        return cls(key, key.possible, len(key.begun))

    @property
    def acceptable(self) -> Sequence[State]:
        """Return what a response may show that arrives now."""
        return (*self.possible, *self.key.begun[self.begun :])

    @property
    def is_undisturbed(self) -> bool:
        """Return whether nothing was written, and nothing is in doubt, since then."""
        return len(self.possible) == 1 and self.begun == len(self.key.begun)


class Model:
    """All keys, what they may hold, and what was served.

    Args:
        deferred: bucket whose objects are replaced once, by what has another ETag.

    Attributes:
        live: keys that may be written; by bucket.
        retired: keys with a write that broke off.
        faults: broken promises, as text.
        served: distinct served files by upload.
    """

    def __init__(self, deferred: str) -> None:
        self._deferred = deferred
        self.live: dict[str, list[Key]] = defaultdict(list)
        self.retired: list[Key] = []
        self.faults: Counter[str] = Counter()
        self.served: dict[bytes, dict[str, bytes]] = defaultdict(dict)
        self._digests: dict[tuple[int, str], str] = {}
        self._etags: dict[int, set[str]] = defaultdict(set)
        self._numbers = itertools.count(1)

    def version(self, upload: bytes, *, in_steps: bool = False) -> Version:
        """Return a new version."""
        return Version(next(self._numbers), upload, in_steps)

    def new_key(self, bucket: str, slot: int) -> Key:
        """Return a new key of a slot, in place of a retired one."""
        key = Key(bucket, f"s{slot % 10}/{slot}-{next(self._numbers)}")
        keys = self.live[bucket]
        keys[slot : slot + 1] = [key]
        return key

    def retire(self, key: Key) -> None:
        """Write a key no more."""
        slot = self.live[key.bucket].index(key)
        self.retired.append(key)
        self.new_key(key.bucket, slot)

    def fault(self, what: str, key: Key, detail: object = "") -> None:
        """Note a broken promise."""
        self.faults[f"{what}: {key.bucket}/{key.name} {detail}".rstrip()] += 1

    def see_missing(self, what: str, moment: Moment) -> None:
        """Judge a response that says there is no object."""
        if ABSENT not in moment.acceptable:
            self.fault(f"{what}: lost", moment.key)

    def see(self, what: str, moment: Moment, length: int, etag: str) -> Version | None:
        """Judge length and ETag of an object; return its version if that is certain."""
        fitting = [v for v in moment.acceptable if v is not None and len(v.upload) == length]
        if not fitting:
            lengths = [None if v is None else len(v.upload) for v in moment.acceptable]
            self.fault(f"{what}: wrong length", moment.key, f"{length}, not one of {lengths}")
            return None
        if len({v.number for v in fitting}) > 1:
            return None
        version = fitting[0]
        if version.in_steps and not moment.is_undisturbed:
            return None
        known = self._etags[version.number]
        known.add(etag)
        if len(known) > 1 + (moment.key.bucket == self._deferred):
            self.fault(f"{what}: another ETag", moment.key, f"{etag}, one of {sorted(known)}")
        return version

    def see_body(self, what: str, moment: Moment, etag: str, body: bytes) -> None:
        """Judge a whole object."""
        version = self.see(what, moment, len(body), etag)
        if version is None:
            return
        digest = hashlib.sha256(body).hexdigest()
        self.served[version.upload].setdefault(digest, body)
        if self._digests.setdefault((version.number, etag), digest) != digest:
            plain = "the upload" if body == version.upload else "restored"
            self.fault(f"{what}: other bytes than before", moment.key, f"{etag}, {plain} now")

    def see_range(
        self, what: str, moment: Moment, etag: str, found: tuple[int, int, bytes]
    ) -> None:
        """Judge a range.

        Args:
            what: kind of request.
            moment: the key when the request began.
            etag: ETag of the response.
            found: first byte, length of the whole object, and the bytes.
        """
        first, length, body = found
        version = self.see(what, moment, length, etag)
        digest = None if version is None else self._digests.get((version.number, etag))
        if version is None or digest is None:
            return
        whole = self.served[version.upload][digest]
        if whole[first : first + len(body)] != body:
            self.fault(f"{what}: other bytes than before", moment.key)
