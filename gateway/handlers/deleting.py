"""Sign DeleteObjects with the credentials that policies name for its keys."""

import asyncio

from slimgate.gateway.handlers.call import Call
from slimgate.gateway.s3.deleted_keys import MAX_BYTES, deleted_keys
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import key_target


async def for_deleted_keys(call: Call) -> Call:
    """Return the call with the credentials for the keys in its body.

    The keys are read before the store sees them only where policies name credentials: one request
    has one signature, and no key may be deleted with the rights of another.

    Raises:
        S3Error: AccessDenied if the keys need different credentials, MalformedXML if they cannot
            be read.
    """
    source = call.source
    if source is None or not source.depends_on_keys:
        return call
    body = await call.upload.peek(MAX_BYTES + 1)
    try:
        keys = await asyncio.to_thread(deleted_keys, body)
    except ValueError as error:
        raise S3Error("MalformedXML") from error
    targets = [key_target(call.target.bucket, key) for key in keys]
    sources = [source.for_request(target, "") for target in targets]
    if any(each != sources[0] for each in sources[1:]):
        message = "The policies of these keys name different credentials: delete them separately."
        raise S3Error("AccessDenied", message)
    if not sources:
        return call
    return call.with_client(call.client.altered(source=sources[0]))
