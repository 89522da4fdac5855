"""HEAD requests in bulk, with retries, so that one transient error does not fail a listing."""

import asyncio
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.ranges import Range
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.errors import check_available, error_code
from slimgate.gateway.storage.messages import read_bounded
from slimgate.gateway.storage.object_client import ObjectClient

_MAX_PAUSES_S: Final = (1.0, 2.0)
"""Longest pauses before the second and third attempt, with full jitter, as in the AWS SDKs."""

# A caller may be allowed to list objects that it may not read.
_NOT_SHOWN: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED}
)

_NEEDS_PARAMETERS: Final = frozenset({"InvalidRequest", "InvalidArgument"})
"""Codes of S3 and of Ceph for objects that are encrypted with a customer's key (SSE-C)."""

_MAX_ERROR: Final = 1 << 16


class Missing(Exception):
    """The object does not exist, to a caller who may list it."""


class _Definite(S3Error):
    """A response that a retry would not change."""


async def shown_headers(
    client: ObjectClient, target: Target, version_id: str | None
) -> Mapping[str, str] | None:
    """Return the headers of an object; None if it is not readable.

    Args:
        client: Client of the store.
        target: Bucket and key.
        version_id: Version; None: the current one.

    Raises:
        Missing: It does not exist.
        S3Error: ServiceUnavailable if no attempt succeeds, SlowDown if no connection becomes free
            in time.
    """
    for max_pause_s in _MAX_PAUSES_S:
        try:
            return await _headers(client, target, version_id)
        except _Definite:
            raise
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
        if response.status == HTTPStatus.NOT_FOUND:
            raise Missing(target.key)
        if response.status in _NOT_SHOWN:
            return None
        if response.status == HTTPStatus.OK:
            return response.headers
    if response.status == HTTPStatus.BAD_REQUEST and await _needs_key(client, target, version_id):
        return None
    # With a wrong size, clients would transfer or delete objects.
    raise _Definite("ServiceUnavailable", f"The store answered HEAD with {response.status}.")


async def _needs_key(client: ObjectClient, target: Target, version_id: str | None) -> bool:
    """Return whether an object can be read only with a customer's key: it is no rendition.

    Responses to HEAD have no code, and expired tokens get 400, too.
    """
    async with client.get(target, version_id, part=Range(0, 1)) as response:
        if response.status != HTTPStatus.BAD_REQUEST:
            return False
        return error_code(await read_bounded(response, _MAX_ERROR)) in _NEEDS_PARAMETERS
