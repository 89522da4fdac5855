"""Remember for a while that the store lets a caller read an object.

The store is asked for each read (see :mod:`slimgate.gateway.restore.probing`). Where an operator
accepts that revoked rights last a little longer, its answer counts for ``ttl_s``, for the same
caller, object and request headers. A write through this gateway, or another one that shares Redis,
ends that at once.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from cachetools import TTLCache
from multidict import CIMultiDictProxy

from slimgate.gateway.cache.write_notices import object_name
from slimgate.gateway.s3.headers import without
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.stored_object import ManagedObject

_MAX_OBJECTS: Final = 4096
_MAX_ANSWERS: Final = 32
"""Most different requests for one object."""

_STRIPES: Final = 1024

# Each attempt of a client has its own; policies of stores cannot depend on them.
_OF_ATTEMPTS: Final = frozenset(
    {
        "amz-sdk-invocation-id", "amz-sdk-request", "baggage", "traceparent", "tracestate",
        "x-amzn-trace-id",
    }
)  # fmt: skip
_OF_RESPONSES: Final = frozenset({"date", "x-amz-id-2", "x-amz-request-id"})


class Asked(NamedTuple):
    """A request that the store decides about.

    Attributes:
        caller: Access key of the client; empty for an anonymous request.
        bucket: Bucket name.
        key: Object key.
        request: SHA-256 of query and headers of the request to the store, which may be long.
    """

    caller: str
    bucket: str
    key: str
    request: bytes

    @property
    def name(self) -> str:
        """Return the name of the object in messages among gateways."""
        return object_name(self.bucket, self.key)

    @classmethod
    def of(cls, caller: str, request: Request) -> "Asked":
        """Return what a request without conditions asks."""
        named = ((name.lower(), value) for name, value in request.headers.items())
        told = sorted(pair for pair in named if pair[0] not in _OF_ATTEMPTS)
        digest = hashlib.sha256(repr((request.query, told)).encode()).digest()
        return cls(caller, request.target.bucket, request.target.key, digest)


class Granted(NamedTuple):
    """What the store has answered.

    Attributes:
        found: The managed object.
        headers: Headers of the response that apply to later ones, too.
    """

    found: ManagedObject
    headers: CIMultiDictProxy[str]


class _Object(NamedTuple):
    """All answers about one object."""

    bucket: str
    answers: dict[Asked, Granted]


class Authorizations:
    """Remember answers of the store, if ``ttl_s`` is not 0.

    Args:
        ttl_s: Longest time that an answer counts, seconds.
        clock: Returns monotonic seconds.
    """

    def __init__(self, ttl_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.enabled = ttl_s > 0
        self._objects: TTLCache[str, _Object] = TTLCache(_MAX_OBJECTS, ttl_s, clock)
        self._writes = [0] * _STRIPES

    def get(self, asked: Asked) -> Granted | None:
        """Return the answer to the same request; None: ask the store."""
        known = self._objects.get(asked.name)
        return None if known is None else known.answers.get(asked)

    def writes(self, asked: Asked) -> int:
        """Return a number that changes with each write to the object."""
        return self._writes[_stripe(asked.name)]

    def note(
        self, asked: Asked, found: ManagedObject, headers: Mapping[str, str], writes: int
    ) -> None:
        """Remember an answer.

        Args:
            asked: What was asked.
            found: The managed object.
            headers: Headers of the response.
            writes: Result of :meth:`writes` before the request was sent: an answer that a write
                has overtaken does not count.
        """
        if not self.enabled or writes != self.writes(asked):
            return
        answer = Granted(found, CIMultiDictProxy(without(headers, _OF_RESPONSES)))
        known = self._objects.get(asked.name)
        if known is None:
            # All answers about an object expire together, at the age of the oldest one.
            known = self._objects[asked.name] = _Object(object_name(asked.bucket, ""), {})
        if len(known.answers) < _MAX_ANSWERS:
            # Mostly they are the same, whoever asks.
            known.answers[asked] = next((a for a in known.answers.values() if a == answer), answer)

    def forget(self, bucket: str, keys: Collection[str]) -> None:
        """Forget all answers about objects that were written; an empty key: about the bucket."""
        if self.enabled:
            for key in keys:
                self.forget_name(object_name(bucket, key))

    def forget_name(self, name: str) -> None:
        """Forget all answers about an object or a bucket, by its name in messages."""
        self._writes[_stripe(name)] += 1
        if self._objects.pop(name, None) is None and name.startswith("bucket "):
            self.forget_all([each for each, known in self._objects.items() if known.bucket == name])

    def forget_all(self, names: Collection[str] | None = None) -> None:
        """Forget all answers, or those about some objects."""
        self._writes = [count + 1 for count in self._writes]
        for name in list(self._objects) if names is None else names:
            self._objects.pop(name, None)


def _stripe(name: str) -> int:
    return hash(name) % _STRIPES
