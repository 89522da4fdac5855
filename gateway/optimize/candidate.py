"""An image on its way through the pipeline."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from codec.optimize import Optimized
from config import Policy
from gateway.optimize.report import Report
from gateway.s3.routing import Target
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import Request
from gateway.storage.object_client import ObjectClient
from gateway.workers.pool import Workers


class Source(Protocol):
    """Where an image comes from. It is read at most once."""

    @property
    def size(self) -> int:
        """Return its bytes; 0 when it has none, or does not say."""
        ...

    async def peek(self) -> bytes:
        """Return the first bytes, as many as tell its type."""
        ...

    async def read(self) -> bytes:
        """Return all of it.

        Raises:
            Refused: It cannot be read, or there is no memory for it.
        """
        ...


@dataclass(frozen=True, slots=True)
class InMemory:
    """An image that is in memory.

    Attributes:
        data: The file.
    """

    data: bytes

    @property
    def size(self) -> int:
        """Return its bytes."""
        return len(self.data)

    async def peek(self) -> bytes:
        """Return all of it."""
        return self.data

    async def read(self) -> bytes:
        """Return all of it."""
        return self.data


async def no_lock() -> bool:
    """Return that nothing is locked."""
    return False


async def nothing_known(_: bytes) -> Optimized | None:
    """Return that no rendition is known."""
    return None


@dataclass(slots=True, kw_only=True)
class Candidate:
    """An image, and what is known of it so far: each step finds out more.

    Attributes:
        policy: What is demanded.
        target: Bucket and key; both empty for an image that is only tried.
        headers: Those of the upload, without regard to case.
        source: The image.
        workers: Search for renditions.
        report: Records what becomes of it; None: nothing is recorded.
        signed: The upload has a signature.
        asks_more: The query asks for more than to store the object.
        locks: Returns whether the bucket puts new objects under retention.
        known: Returns the rendition that the image was restored from, if that is known.
        data: The image, once it is read.
        exact_because: Why it has to come back byte for byte; empty: it need not.
        found: The rendition.
        reused: The rendition was known before.
        seconds: Time that the search took.
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
    exact_because: str = ""
    found: Optimized | None = None
    reused: bool = False
    seconds: float = 0.0

    @property
    def rendition(self) -> Optimized:
        """Return the rendition, which an earlier step has found."""
        if self.found is None:
            raise RuntimeError("nothing was found yet")
        return self.found


@dataclass(slots=True, kw_only=True)
class Stored(Candidate):
    """An image whose rendition is to be stored.

    Attributes:
        client: The store on behalf of the caller.
        seals: Write the manifest.
        plain: Returns the request that would store the image as it is; its body is not used.
        destination: Stores the rendition; raises Refused when the store does not take it.
        upload_etag: Of the upload in parts that the object was; None: it was none.
        small: The request that stores the rendition.
    """

    client: ObjectClient
    seals: Seals
    plain: Callable[[], Awaitable[Request]]
    destination: Callable[[Request, Optimized], Awaitable[None]]
    upload_etag: str | None = None
    small: Request | None = None

    @property
    def request(self) -> Request:
        """Return the request that stores the rendition, which an earlier step has made."""
        if self.small is None:
            raise RuntimeError("no manifest was written yet")
        return self.small
