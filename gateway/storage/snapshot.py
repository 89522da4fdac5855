"""Snapshots of objects, which are read and replaced only while they are unchanged.

Other clients may write at any time, so every step names the ETag it refers to.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

from multidict import CIMultiDict

from slimgate.codec.containers import SNIFFED
from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.completed_object import PlainObject
from slimgate.gateway.storage.errors import Changed, Denied, check_found
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import UNREACHABLE, Response
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.stored_object import read_manifest


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An object at one moment.

    Attributes:
        target: Bucket and key.
        size: Stored size, bytes.
        headers: Response headers of the store.
        manifest: Manifest; None: the object is plain.
        version: Version that was asked for; None: the current one.
    """

    target: Target
    size: int
    headers: CIMultiDict[str]
    manifest: Manifest | None
    version: str | None = None

    @property
    def state(self) -> PlainObject:
        """Return ETag and version."""
        return PlainObject(headers.bare_etag(self.headers), self.headers.get("x-amz-version-id"))


async def take(
    client: ObjectClient, target: Target, seals: Seals, version: str | None = None
) -> Snapshot:
    """Take a snapshot of an object with HEAD.

    Args:
        client: Client of the store.
        target: Bucket and key.
        seals: Read the manifest.
        version: Version ID; None: the current version.

    Raises:
        Changed: The object is gone.
        Refused: It is encrypted with a customer key.
        Denied: The store does not permit reading it.
        S3Error: ServiceUnavailable if the store does not respond; InternalError for an invalid
            manifest.
    """
    async with client.head(target, version) as response:
        if response.status == HTTPStatus.BAD_REQUEST:
            raise Refused(Reason.CUSTOMER_KEY, "HEAD was answered with 400")
        check_found(response)
        shown = headers.end_to_end(response.headers.items())
        note = shown.get(headers.MANIFEST)
        manifest = None if note is None else read_manifest(note, seals)
        return Snapshot(target, response.content_length or 0, shown, manifest, version)


async def retake(client: ObjectClient, earlier: Snapshot, seals: Seals) -> Snapshot:
    """Take another snapshot right before a write, with current headers.

    Raises:
        Changed: It is a different object now.
        Refused, Denied, S3Error: As :func:`take`.
    """
    now = await take(client, earlier.target, seals, earlier.version)
    same_type = now.headers.get("Content-Type") == earlier.headers.get("Content-Type")
    if now.state != earlier.state or now.manifest != earlier.manifest or not same_type:
        raise Changed
    return now


class Contents:
    """The bytes of a snapshot, while the store sends them.

    Args:
        response: The answer to GET.
        size: Bytes of the object.
    """

    def __init__(self, response: Response, size: int) -> None:
        self._response = response
        self._head = b""
        self.size = size

    async def peek(self) -> bytes:
        """Return the first bytes, as many as tell an image by its magic.

        Raises:
            S3Error: ServiceUnavailable when the store breaks off.
        """
        if not self._head:
            self._head = await self._next(min(SNIFFED, self.size))
        return self._head

    async def read(self) -> bytes:
        """Return everything, and give the connection back.

        Raises:
            S3Error: ServiceUnavailable when the store breaks off.
        """
        data = self._head + await self._next(self.size - len(self._head))
        self._response.let_go()
        return data

    async def _next(self, count: int) -> bytes:
        try:
            return await self._response.content.readexactly(count)
        except (asyncio.IncompleteReadError, *UNREACHABLE) as error:
            raise S3Error("ServiceUnavailable") from error


@asynccontextmanager
async def opened(client: ObjectClient, seen: Snapshot) -> AsyncIterator[Contents]:
    """Read exactly the object of the snapshot, piece by piece.

    Args:
        client: Client of the store.
        seen: The snapshot.

    Raises:
        Changed: It is a different object now.
        Denied: The store does not return it.
        S3Error: ServiceUnavailable if the store does not respond.
    """
    async with client.get(seen.target, seen.version, etag=seen.state.etag) as response:
        check_found(response)
        if response.content_length != seen.size:
            raise Denied(f"GET returned {response.content_length} bytes, HEAD said {seen.size}")
        yield Contents(response, seen.size)


async def read(client: ObjectClient, seen: Snapshot) -> bytes:
    """Read exactly the object of the snapshot.

    Raises:
        Changed, Denied, S3Error: As :func:`opened`, or the store breaks off.
    """
    async with opened(client, seen) as contents:
        return await contents.read()
