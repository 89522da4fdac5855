"""Objects as HEAD shows them: read and replaced only as long as they are the same.

What a job has seen may be written to by others at any time. Every step therefore names the ETag
that it is about.
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
"""Bytes of the beginning that tell an image by its magic."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An object at one moment.

    Attributes:
        target: Bucket and key.
        size: Stored bytes.
        headers: Of the store's answer.
        manifest: How to restore it; None: it is plain.
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
    """Look at an object with HEAD.

    Args:
        client: On whose behalf.
        target: The object, in its current version.
        seals: Read the manifest.

    Raises:
        Changed: It is not there any more.
        Refused: It cannot be read without the customer's own key.
        Denied: The store does not show it.
        S3Error: ServiceUnavailable when the store does not answer; InternalError when the
            manifest cannot be read.
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
    """Look once more right before a write, so that all headers are up to date.

    Raises:
        Changed: It is another object now.
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
        client: On whose behalf.
        seen: Which object.
        wanted: Judges the type of image that the first bytes show; the rest of an unwanted object
            is not read.

    Raises:
        Changed: It is another object now.
        Refused: It is not wanted.
        Denied: The store does not return it.
        S3Error: ServiceUnavailable when the store does not answer or breaks off.
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
