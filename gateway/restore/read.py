"""One read of an object on its way through the pipeline."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict

from gateway.http.byte_budget import ByteBudget
from gateway.restore.compute import Compute, File
from gateway.s3 import ranges
from gateway.s3.routing import Target
from gateway.storage.completing import Completing
from gateway.storage.listing_index import LogicalIndex
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import Request, Response
from gateway.storage.object_client import ObjectClient
from gateway.storage.stored_object import Found

_NO_BYTES: Final = ranges.Range(0, 0)
_EMPTY: Final = memoryview(b"")


@dataclass(frozen=True, slots=True)
class Parts:
    """What all reads share.

    Attributes:
        compute: Restores files and keeps them.
        buffers: Bytes held in memory.
        index: Guesses which objects are managed.
        seals: Read manifests.
        completing: Keys whose plain object is about to be replaced.
    """

    compute: Compute
    buffers: ByteBudget
    index: LogicalIndex
    seals: Seals
    completing: Completing


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for.

    Attributes:
        target: Bucket and key.
        method: GET or HEAD.
        headers: Without regard to case.
        parameters: Of the query, decoded.
        as_sent: Returns the request to the store that passes the client's on.
        as_head: Returns the same as HEAD.
        true_of_answer: Returns the headers of an answer of the store that are also true of the
            answer to the client.
    """

    target: Target
    method: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]
    as_sent: Callable[[], Request]
    as_head: Callable[[], Request]
    true_of_answer: Callable[[Response], CIMultiDict[str]]

    @property
    def version_id(self) -> str | None:
        """Return the version; None: the current one."""
        return self.parameters.get("versionId")


@dataclass(slots=True, kw_only=True)
class FileRead:
    """A managed object on its way to the file as uploaded: each step finds out more.

    Attributes:
        parts: What all reads share.
        client: The store on behalf of the client.
        found: The managed object.
        response: An answer of the store about it; to GET it holds the rendition, unread.
        rendition: The stored file.
        file: The restored file.
        cached: Whether the cache had it.
    """

    parts: Parts
    client: ObjectClient
    found: Found | None = None
    response: Response | None = None
    rendition: bytes | None = None
    file: File | None = None
    cached: bool = False

    @property
    def managed(self) -> Found:
        """Return the managed object, which an earlier step has found."""
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

    asked: Asked
    open: AsyncExitStack
    shown: CIMultiDict[str] = field(default_factory=CIMultiDict)
    status: HTTPStatus = HTTPStatus.OK
    part: ranges.Range = _NO_BYTES


@dataclass(frozen=True, slots=True)
class AsStored:
    """The answer is the store's own: the object is plain, or there is none.

    Attributes:
        response: Its body unread.
    """

    response: Response


@dataclass(frozen=True, slots=True)
class Served:
    """The answer is the gateway's.

    Attributes:
        status: HTTP status.
        headers: Of the answer, complete.
        body: All of it.
    """

    status: HTTPStatus
    headers: CIMultiDict[str]
    body: memoryview = _EMPTY


Answer = AsStored | Served
