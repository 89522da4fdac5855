"""The workers that restore images, and the caches that save work."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cachetools import TTLCache

from slimgate.codec.manifest import Manifest
from slimgate.gateway.cache.memory import Cache, CacheKey, FileContent
from slimgate.gateway.cache.single_flight import SingleFlight
from slimgate.gateway.workers.pool import Workers

_REMEMBERED: Final = 1024
_REMEMBERED_S: Final = 60.0


class File(NamedTuple):
    """A restored file.

    Attributes:
        data: Content.
        etag: ETag without quotes; differs from the manifest's if the bytes do.
    """

    data: FileContent
    etag: str


def _recently_damaged() -> TTLCache[tuple[CacheKey, Manifest], str]:
    return TTLCache(_REMEMBERED, _REMEMBERED_S)


@dataclass(frozen=True, slots=True)
class Compute:
    """Worker processes and caches.

    Attributes:
        workers: Decode, optimize and restore images.
        cache: Restored files.
        readings: Reads of renditions in flight.
        restores: Restores in flight.
        damaged: SHA-256 of renditions that cannot be restored, for a minute: finding out takes as
            long as restoring, and clients retry.
    """

    workers: Workers
    cache: Cache
    readings: SingleFlight[bytes] = field(default_factory=SingleFlight)
    restores: SingleFlight[File] = field(default_factory=SingleFlight)
    damaged: TTLCache[tuple[CacheKey, Manifest], str] = field(default_factory=_recently_damaged)
