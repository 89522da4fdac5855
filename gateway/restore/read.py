"""One read of an object in the restore pipeline."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict

from slimgate.codec.manifest import Manifest
from slimgate.config.serve import Serve
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.restore.compute import Compute, File
from slimgate.gateway.s3 import ranges
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.authorizations import Authorizations
from slimgate.gateway.storage.completing import PendingCompletions
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request, Response
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.stored_object import ManagedObject

_NO_BYTES: Final = ranges.Range(0, 0)
_EMPTY: Final = memoryview(b"")


@dataclass(frozen=True, slots=True)
class Reads:
    """Resources shared by all reads.

    Attributes:
        compute: Restores and caches files.
        buffers: Bytes held in memory.
        index: Guesses which objects are managed.
        seals: Read manifests.
        completing: Uploads being completed.
        authorizations: Answers of the store that still count.
    """

    compute: Compute
    buffers: ByteBudget
    index: BufferedIndex
    seals: Seals
    completing: PendingCompletions
    authorizations: Authorizations = field(default_factory=Authorizations)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """The request of a client.

    Attributes:
        target: Bucket and key.
        method: GET or HEAD.
        headers: Request headers, case-insensitive.
        parameters: Decoded query parameters.
        as_sent: Returns the store request that forwards the client's.
        as_head: Returns the same as HEAD.
        applicable_headers: Returns the headers of a store response that also apply to the client's.
        caller: Access key of the client; empty for an anonymous request.
        offered: Which renditions the client may get instead of restored files; None: none.
    """

    target: Target
    method: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]
    as_sent: Callable[[], Request]
    as_head: Callable[[], Request]
    applicable_headers: Callable[[Response], CIMultiDict[str]]
    offered: Serve | None = None
    caller: str = ""

    @property
    def version_id(self) -> str | None:
        """Return the requested version; None: the current one."""
        return self.parameters.get("versionId")


@dataclass(slots=True, kw_only=True)
class FileRead:
    """A managed object and its state in the pipeline; each step adds to it.

    Attributes:
        parts: Resources shared by all reads.
        client: Client of the store, for the caller.
        found: The managed object.
        response: Response of the store; for GET it holds the rendition, unread.
        rendition: The stored file.
        file: The restored file.
        cached: Whether the file came from the cache.
    """

    parts: Reads
    client: ObjectClient
    found: ManagedObject | None = None
    response: Response | None = None
    rendition: bytes | None = None
    file: File | None = None
    cached: bool = False

    @property
    def managed(self) -> ManagedObject:
        """Return the managed object found by an earlier step."""
        if self.found is None:
            raise RuntimeError("nothing was found yet")
        return self.found

    @property
    def restored(self) -> File:
        """Return the restored file, which an earlier step has made."""
        if self.file is None:
            raise RuntimeError("nothing was restored yet")
        return self.file


@dataclass(slots=True, kw_only=True)
class ObjectRead(FileRead):
    """A GET or HEAD of an object, as far as it has come.

    Attributes:
        asked: What the client asks for.
        open: Closes the store's answers and returns reserved memory when the read ends.
        shown: Headers of the answer to the client.
        status: Of the answer to the client.
        part: Which bytes of the restored file are served.
    """

    asked: ReadRequest
    open: AsyncExitStack
    shown: CIMultiDict[str] = field(default_factory=CIMultiDict)
    status: HTTPStatus = HTTPStatus.OK
    part: ranges.Range = _NO_BYTES


@dataclass(frozen=True, slots=True)
class AsStored:
    """The store's response: the object is plain or missing.

    Attributes:
        response: Response with an unread body.
    """

    response: Response


@dataclass(frozen=True, slots=True)
class Served:
    """A response of the gateway.

    Attributes:
        status: HTTP status.
        headers: Complete headers.
        body: Complete body.
    """

    status: HTTPStatus
    headers: CIMultiDict[str]
    body: memoryview = _EMPTY


@dataclass(frozen=True, slots=True)
class Rendition:
    """The rendition itself, whole or in part.

    Attributes:
        status: HTTP status.
        headers: Complete headers.
        response: Response of the store with these bytes, unread.
        length: Their number.
        manifest: Manifest of the object.
    """

    status: HTTPStatus
    headers: CIMultiDict[str]
    response: Response
    length: int
    manifest: Manifest


Answer = AsStored | Rendition | Served
