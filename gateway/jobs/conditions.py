"""Whether a bucket may be worked on: the store must refuse a write that comes too late."""

import uuid
from http import HTTPStatus
from typing import Final

from gateway.jobs.address import Place
from gateway.jobs.store import CONFLICT, Denied, Store
from gateway.s3 import xml as s3xml
from gateway.s3.errors import S3Error
from gateway.s3.routing import Target
from gateway.storage.messages import read_bounded
from gateway.storage.object_lock import retains
from gateway.storage.upstream import Request

_MAX_BYTES: Final = 1 << 16
_STALE: Final = "0" * 32


async def check(store: Store, place: Place) -> None:
    """Make sure that a bucket can be worked on without losing what others write meanwhile.

    The one way to find out whether a store heeds If-Match is to write: to a key that nobody has,
    on condition of an ETag that nothing has. A store that heeds it stores nothing.

    Raises:
        Denied: It cannot; the message says why.
        S3Error: ServiceUnavailable when the store does not answer.
    """
    probe = Place(place.bucket, f"{place.key[:512]}.slimgate-probe-{uuid.uuid4().hex}").target
    stale = {"If-Match": _STALE}
    async with store.send(Request("PUT", probe, headers=stale, body=b"", length=0)) as response:
        status, version_id = response.status, response.headers.get("x-amz-version-id")
    if status in CONFLICT:
        return
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
        raise S3Error("ServiceUnavailable")
    if status != HTTPStatus.OK:
        raise Denied(
            f"the store answers a conditional write with {status}: allow this key to write, or use "
            "a store that knows If-Match"
        )
    await store.remove(probe, version_id)
    raise Denied(
        "the store ignores If-Match: what others upload meanwhile would be lost. Put the images "
        "through the gateway instead"
    )


async def retained(store: Store, bucket: str) -> bool:
    """Return whether the bucket locks every object that it gets."""
    async with store.send(Request("GET", Target(bucket, "", ""), "object-lock")) as response:
        if response.status != HTTPStatus.OK:
            return False
        return retains(s3xml.parse(await read_bounded(response, _MAX_BYTES)))
