"""What restores images, and what keeps and shares the results."""

from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.cache.memory import Cache
from gateway.cache.single_flight import SingleFlight
from gateway.workers.pool import Workers


class File(NamedTuple):
    """A restored file.

    Attributes:
        data: All of it.
        etag: Without quotes; another than the manifest's when the bytes are others.
    """

    data: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Compute:
    """Worker processes, and what saves work.

    Attributes:
        workers: Decode, optimize and restore images.
        cache: Restored files.
        readings: Renditions being read.
        restores: Files being restored.
    """

    workers: Workers
    cache: Cache
    readings: SingleFlight[bytes] = field(default_factory=SingleFlight)
    restores: SingleFlight[File] = field(default_factory=SingleFlight)
