"""Check that the store supports conditional writes, without which no job may write."""

import uuid
from http import HTTPStatus
from typing import Final

from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.errors import CONFLICT, Denied, check_available
from slimgate.gateway.storage.messages import Request, read_bounded
from slimgate.gateway.storage.object_client import ObjectClient

_STALE: Final = "0" * 32
_MAX_BYTES: Final = 1 << 16


async def check_created_once(client: ObjectClient, bucket: str, prefix: str) -> None:
    """Check that the store refuses to create an object twice.

    Args:
        client: Client of the store.
        bucket: Bucket name.
        prefix: Prefix of the keys that will be written.

    Raises:
        Denied: It does not; the message says why.
        S3Error: ServiceUnavailable if the store does not respond.
    """
    probe = _probe(bucket, prefix)
    once = Request("PUT", probe, headers={"If-None-Match": "*"}, body=b"", length=0)
    async with client.send(once) as response:
        check_available(response)
        status, version_id = response.status, response.headers.get("x-amz-version-id")
    if status != HTTPStatus.OK:
        raise Denied(f"PUT was answered with {status}: may this key write s3://{bucket}/{prefix}?")
    async with client.send(once) as response:
        again = response.status
        other_id = response.headers.get("x-amz-version-id")
    for each in filter(None, {version_id, other_id}) if version_id else (None,):
        async with client.delete(probe, each):
            pass
    if again not in CONFLICT:
        raise Denied(
            "the store ignores If-None-Match, so two processes could take the same work: keep the "
            "job in a store that supports conditional writes"
        )


async def check_conditional_writes(client: ObjectClient, bucket: str, prefix: str) -> None:
    """Check that the store refuses a write with an outdated If-Match.

    The only way to find out is to write: to an unused key, with an ETag that matches nothing. A
    store that supports If-Match stores nothing.

    Args:
        client: Client of the store.
        bucket: Bucket name.
        prefix: Prefix of the keys that will be written.

    Raises:
        Denied: It does not; the message says why.
        S3Error: ServiceUnavailable if the store does not respond.
    """
    probe = _probe(bucket, prefix)
    stale = {"If-Match": _STALE}
    async with client.send(Request("PUT", probe, headers=stale, body=b"", length=0)) as response:
        status, version_id = response.status, response.headers.get("x-amz-version-id")
        body = await read_bounded(response, _MAX_BYTES) if status == HTTPStatus.NOT_FOUND else b""
    if body and s3xml.text(s3xml.parse(body), "Code") == "NoSuchBucket":
        raise Denied(f"s3://{bucket} does not exist: check its name, and the store's endpoint")
    if status in CONFLICT:
        return
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
        raise S3Error("ServiceUnavailable")
    if status != HTTPStatus.OK:
        raise Denied(
            f"the store answered a conditional write with {status}: let this key write, or use a "
            "store that supports If-Match"
        )
    async with client.delete(probe, version_id):
        pass
    raise Denied(
        "the store ignores If-Match, so concurrent uploads could be lost: upload the images "
        "through the gateway instead"
    )


def _probe(bucket: str, prefix: str) -> Target:
    """Return an unused key."""
    return key_target(bucket, f"{prefix[:512]}.slimgate-probe-{uuid.uuid4().hex}")
