"""Buckets that lock every object they get: what lies under retention is stored as it came."""

from http import HTTPStatus
from typing import Final

from gateway.exchange import Exchange
from gateway.relay import sent
from gateway.s3 import headers
from gateway.s3 import xml as s3xml
from gateway.s3.routing import Target
from gateway.storage.messages import read_bounded
from gateway.storage.upstream import Request

_MAX_BYTES: Final = 1 << 16


async def locks_by_default(exchange: Exchange) -> bool:
    """Return whether the bucket puts new objects under retention.

    The answer is remembered for five minutes. A caller who may not ask is taken to upload into an
    ordinary bucket; should it lock after all, the upstream refuses the rendition and the original
    is stored.
    """
    bucket, known = exchange.target.bucket, exchange.storage.locked_buckets
    answer = known.get(bucket)
    if answer is None:
        answer = await _ask(exchange, bucket)
        known.put(bucket, answer)
    return answer


async def _ask(exchange: Exchange, bucket: str) -> bool:
    kept = headers.caller_headers(exchange.headers, {})
    request = Request("GET", Target(bucket, "", ""), "object-lock", kept)
    async with sent(exchange, request) as response:
        if response.status != HTTPStatus.OK:
            return False
        return retains(s3xml.parse(await read_bounded(response, _MAX_BYTES)))


def retains(root: s3xml.Element) -> bool:
    """Return whether the answer to GetObjectLockConfiguration puts new objects under retention."""
    return any(s3xml.name(element) == "DefaultRetention" for element in root.iter())
