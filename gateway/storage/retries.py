"""HEADs in bulk: among a thousand, one that fails in passing must not fail the whole listing."""

import asyncio
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from gateway.s3.errors import S3Error
from gateway.s3.routing import Target
from gateway.storage.errors import check_available
from gateway.storage.object_client import ObjectClient

_MAX_PAUSES_S: Final = (1.0, 2.0)
"""Before the second and the third attempt, as the SDKs of AWS wait: a random part of it."""

# What forbids a look at one object says nothing against listing it.
_NOT_SHOWN: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
    }
)


async def shown_headers(
    client: ObjectClient, target: Target, version_id: str | None
) -> Mapping[str, str] | None:
    """Return the headers that describe an object; None when it is gone or this caller may not look.

    Args:
        client: On whose behalf.
        target: Which object.
        version_id: Which version; None: the current one.

    Raises:
        S3Error: ServiceUnavailable when no attempt succeeds, SlowDown when no connection gets free
            in time.
    """
    for max_pause_s in _MAX_PAUSES_S:
        try:
            return await _headers(client, target, version_id)
        except S3Error as error:
            if error.code != "ServiceUnavailable":
                raise
        await asyncio.sleep(random.uniform(0.0, max_pause_s))  # noqa: S311  # no secret
    return await _headers(client, target, version_id)


async def _headers(
    client: ObjectClient, target: Target, version_id: str | None
) -> Mapping[str, str] | None:
    async with client.head(target, version_id) as response:
        check_available(response)
        if response.status in _NOT_SHOWN:
            return None
        if response.status != HTTPStatus.OK:
            # A wrong size would make clients transfer or delete things.
            message = f"The store answered HEAD with {response.status}."
            raise S3Error("ServiceUnavailable", message)
        return response.headers
