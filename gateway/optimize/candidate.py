"""An image in the optimization pipeline."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from slimgate.codec.notes import Uploaded
from slimgate.codec.optimize import Optimized
from slimgate.config import Policy
from slimgate.gateway.optimize.byte_exact import ByteExact
from slimgate.gateway.optimize.report import Report
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.originals import Archive
from slimgate.gateway.workers.pool import Workers


class Source(Protocol):
    """Source of an image; read at most once."""

    @property
    def size(self) -> int:
        """Return the size, bytes; 0 if empty or unknown."""
        ...

    async def peek(self) -> bytes:
        """Return the first bytes, enough to identify the type."""
        ...

    async def read(self) -> bytes:
        """Return the whole image.

        Raises:
            Refused: It cannot be read, or memory is short.
        """
        ...


@dataclass(frozen=True, slots=True)
class InMemory:
    """An image in memory.

    Attributes:
        data: The file.
    """

    data: bytes

    @property
    def size(self) -> int:
        """Return the size, bytes."""
        return len(self.data)

    async def peek(self) -> bytes:
        """Return the whole image."""
        return self.data

    async def read(self) -> bytes:
        """Return the whole image."""
        return self.data


async def no_lock() -> bool:
    """Return False: nothing is locked."""
    return False


async def nothing_known(_: bytes) -> Optimized | None:
    """Return None: no rendition is known."""
    return None


def right_now() -> None:
    """Return None: the image is being uploaded."""


@dataclass(slots=True, kw_only=True)
class Candidate:
    """An image and its state in the pipeline; each step adds to it.

    Attributes:
        policy: The policy.
        target: Bucket and key; both empty in a preview.
        headers: Upload headers, case-insensitive.
        source: The image.
        workers: Search for renditions.
        report: Records the result; None: nothing is recorded.
        signed: The upload is signed.
        asks_more: The query asks for more than storing the object.
        locks: Returns whether the bucket has default retention.
        known: Returns the rendition that the image was restored from, if known.
        data: The image, once read.
        exact_because: Why it must come back byte for byte; None: it need not.
        found: The rendition.
        reused: The rendition was known before.
        seconds: Duration of the search.
    """

    policy: Policy
    target: Target
    headers: Mapping[str, str]
    source: Source
    workers: Workers
    report: Report | None = None
    signed: bool = True
    asks_more: bool = False
    locks: Callable[[], Awaitable[bool]] = no_lock
    known: Callable[[bytes], Awaitable[Optimized | None]] = nothing_known
    data: bytes = b""
    exact_because: ByteExact | None = None
    found: Optimized | None = None
    reused: bool = False
    seconds: float = 0.0

    @property
    def rendition(self) -> Optimized:
        """Return the rendition found by an earlier step."""
        if self.found is None:
            raise RuntimeError("no step has found a rendition")
        return self.found


@dataclass(slots=True, kw_only=True)
class StoredCandidate(Candidate):
    """An image whose rendition will be stored.

    Attributes:
        client: Client of the store, for the caller.
        seals: Write the manifest.
        archive: Keeps the original.
        plain: Returns the request that would store the image unchanged; its body is not used.
        destination: Stores the rendition; raises Refused if the store does not accept it.
        upload_etag: ETag of the multipart upload; None: it was not one.
        uploaded: Returns when the image was uploaded, after ``plain`` has; None: right now.
        small: Request that stores the rendition.
    """

    client: ObjectClient
    seals: Seals
    archive: Archive
    plain: Callable[[], Awaitable[Request]]
    destination: Callable[[Request, Optimized], Awaitable[None]]
    upload_etag: str | None = None
    uploaded: Callable[[], Uploaded | None] = right_now
    small: Request | None = None

    @property
    def request(self) -> Request:
        """Return the request, made by an earlier step, that stores the rendition."""
        if self.small is None:
            raise RuntimeError("no step has written the manifest")
        return self.small
