"""Whether a store refuses a write that comes too late: without that, no job may write to it."""

import uuid
from http import HTTPStatus
from typing import Final

from gateway.s3.errors import S3Error
from gateway.s3.routing import key_target
from gateway.storage.errors import CONFLICT, Denied
from gateway.storage.messages import Request
from gateway.storage.object_client import ObjectClient

_STALE: Final = "0" * 32


async def check_conditional_writes(client: ObjectClient, bucket: str, prefix: str) -> None:
    """Check that a bucket can be worked on without losing what others write meanwhile.

    The one way to find out whether a store heeds If-Match is to write: to a key that nobody has,
    on condition of an ETag that nothing has. A store that heeds it stores nothing.

    Args:
        client: On whose behalf.
        bucket: Which bucket.
        prefix: Beginning of the keys that will be written to.

    Raises:
        Denied: It cannot; the message says why.
        S3Error: ServiceUnavailable when the store does not answer.
    """
    probe = key_target(bucket, f"{prefix[:512]}.slimgate-probe-{uuid.uuid4().hex}")
    stale = {"If-Match": _STALE}
    async with client.send(Request("PUT", probe, headers=stale, body=b"", length=0)) as response:
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
    async with client.delete(probe, version_id):
        pass
    raise Denied(
        "the store ignores If-Match: what others upload meanwhile would be lost. Put the images "
        "through the gateway instead"
    )
