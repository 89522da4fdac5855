"""Snapshots of objects, which are read and replaced only while they are unchanged.

Other clients may write at any time, so every step names the ETag it refers to.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from multidict import CIMultiDict

from codec.containers import sniff
from codec.manifest import Manifest
from codec.reasons import Reason, Refused
from gateway.s3 import headers
from gateway.s3.errors import S3Error
from gateway.s3.routing import Target
from gateway.storage.completed_object import Plain
from gateway.storage.errors import Changed, Denied, check_found
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import UNREACHABLE
from gateway.storage.object_client import ObjectClient
from gateway.storage.stored_object import read_manifest

SNIFFED = 32
"""Leading bytes that identify an image type."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An object at one moment.

    Attributes:
        target: Bucket and key.
        size: Stored size, bytes.
        headers: Response headers of the store.
        manifest: Manifest; None: the object is plain.
    """

    target: Target
    size: int
    headers: CIMultiDict[str]
    manifest: Manifest | None

    @property
    def state(self) -> Plain:
        """Return ETag and version."""
        return Plain(headers.bare_etag(self.headers), self.headers.get("x-amz-version-id"))


async def take(client: ObjectClient, target: Target, seals: Seals) -> Snapshot:
    """Take a snapshot of an object with HEAD.

    Args:
        client: Client of the store.
        target: Bucket and key, current version.
        seals: Read the manifest.

    Raises:
        Changed: The object is gone.
        Refused: It is encrypted with a customer key.
        Denied: The store does not permit reading it.
        S3Error: ServiceUnavailable if the store does not respond; InternalError for an invalid
            manifest.
    """
    async with client.head(target) as response:
        if response.status == HTTPStatus.BAD_REQUEST:
            raise Refused(Reason.CUSTOMER_KEY, "HEAD was answered with 400")
        check_found(response)
        shown = headers.end_to_end(response.headers.items())
        note = shown.get(headers.MANIFEST)
        manifest = None if note is None else read_manifest(note, seals)
        return Snapshot(target, response.content_length or 0, shown, manifest)


async def retake(client: ObjectClient, earlier: Snapshot, seals: Seals) -> Snapshot:
    """Take another snapshot right before a write, with current headers.

    Raises:
        Changed: It is a different object now.
        Refused, Denied, S3Error: As :func:`take`.
    """
    now = await take(client, earlier.target, seals)
    same_type = now.headers.get("Content-Type") == earlier.headers.get("Content-Type")
    if now.state != earlier.state or now.manifest != earlier.manifest or not same_type:
        raise Changed
    return now


async def read(
    client: ObjectClient, seen: Snapshot, wanted: Callable[[str | None], bool] | None = None
) -> bytes:
    """Read exactly the object of the snapshot.

    Args:
        client: Client of the store.
        seen: The snapshot.
        wanted: Judges the image type of the first bytes; the rest of an unwanted object is not
            read.

    Raises:
        Changed: It is a different object now.
        Refused: It is unwanted.
        Denied: The store does not return it.
        S3Error: ServiceUnavailable if the store does not respond or disconnects.
    """
    async with client.get(seen.target, etag=seen.state.etag) as response:
        check_found(response)
        if response.content_length != seen.size:
            raise Denied(f"GET returned {response.content_length} bytes, HEAD said {seen.size}")
        try:
            head = await response.content.readexactly(min(SNIFFED, seen.size))
            if wanted is not None and not wanted(sniff(head)):
                raise Refused(Reason.TYPE)
            return head + await response.content.readexactly(seen.size - len(head))
        except (asyncio.IncompleteReadError, *UNREACHABLE) as error:
            raise S3Error("ServiceUnavailable") from error
