"""The workers that restore images, and the caches that save work."""

from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.cache.memory import Cache
from gateway.cache.single_flight import SingleFlight
from gateway.workers.pool import Workers


class File(NamedTuple):
    """A restored file.

    Attributes:
        data: Content.
        etag: ETag without quotes; differs from the manifest's if the bytes do.
    """

    data: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Compute:
    """Worker processes and caches.

    Attributes:
        workers: Decode, optimize and restore images.
        cache: Restored files.
        readings: Reads of renditions in flight.
        restores: Restores in flight.
    """

    workers: Workers
    cache: Cache
    readings: SingleFlight[bytes] = field(default_factory=SingleFlight)
    restores: SingleFlight[File] = field(default_factory=SingleFlight)
