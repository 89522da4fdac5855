"""Measure what marking renditions by their ETags would cost: ``python -m bench.one_part_uploads``.

A rendition that is uploaded as a multipart upload of one part has an ETag that ends in ``-1``,
which listings show: objects without it need no HEAD. Uploads of both kinds to Ceph RGW alternate
with HEADs; prices are those of the default price list.
"""

import argparse
import asyncio
import hashlib
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench.client import Unexpected
from slimgate.config import Upstream as UpstreamSettings
from slimgate.eval.cost import money_prices
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.messages import Request, read_bounded
from slimgate.gateway.storage.object_client import Caller, UpstreamClient
from slimgate.gateway.storage.upstream import Upstream
from tests.servers.ceph import missing_programs, rgw_server
from tests.servers.server import S3Server

_BUCKET: Final = "photos"
_SIZE: Final = 20_000
_MILLION: Final = 10**6
_MAX_BYTES: Final = 1 << 16


def main() -> int:
    """Print the table.

    Returns:
        0; 1 if Ceph is missing.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.one_part_uploads", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200, help="requests of each kind")
    options = parser.parse_args()
    if missing_programs():
        sys.stderr.write("Ceph is missing: install it.\n")
        return 1
    with (
        TemporaryDirectory(prefix="sl-", dir="/tmp") as folder,  # short, for sockets
        rgw_server(Path(folder)) as store,
    ):
        put, parts, head = asyncio.run(_measured(store, options.repetitions))
    prices = money_prices.load().classes[0]
    puts, heads = (price * _MILLION / 1000 for price in (prices.put_per_1000, prices.get_per_1000))
    more = 2 * puts / heads
    sys.stdout.write(
        f"{'one object of 20 kB':<30} requests  time, ms      x  USD per 10^6\n"
        f"{'PutObject':<30} {1:>8} {put:>9.1f} {1:>6.2f} {puts:>13.2f}\n"
        f"{'multipart upload of one part':<30} {3:>8} {parts:>9.1f} {parts / put:>6.2f} "
        f"{3 * puts:>13.2f}\n"
        f"{'HEAD':<30} {1:>8} {head:>9.1f} {head / put:>6.2f} {heads:>13.2f}\n"
        f"The two requests more of an upload cost as much as {more:.0f} HEADs, and take as long as "
        f"{(parts - put) / head:.1f}.\n"
    )
    return 0


async def _measured(store: S3Server, repetitions: int) -> tuple[float, float, float]:
    """Return the times of a PutObject, a multipart upload of one part, and a HEAD, ms."""
    identity = Identity(store.main.access, store.main.secret)
    async with Upstream(UpstreamSettings(endpoint=store.endpoint)) as upstream:
        client = UpstreamClient(upstream, Caller(identity))
        await _sent(client, Request("PUT", Target(_BUCKET, "", "")))
        kinds: tuple[Callable[[UpstreamClient, str], Awaitable[object]], ...] = (
            _put, _put_part, _head,
        )  # fmt: skip
        times: tuple[list[float], ...] = ([], [], [])
        for number in range(repetitions):
            for kind, taken in zip(kinds, times, strict=True):
                started = time.perf_counter()
                await kind(client, f"{number}")
                taken.append(time.perf_counter() - started)
        put, parts, head = (1e3 * median(taken) for taken in times)
    return put, parts, head


async def _put(client: UpstreamClient, key: str) -> None:
    await _sent(client, _with_body("PUT", f"put/{key}", "", bytes(_SIZE)))


async def _put_part(client: UpstreamClient, key: str) -> None:
    target = key_target(_BUCKET, f"part/{key}")
    begun = await _sent(client, Request("POST", target, "uploads="))
    upload = s3xml.text(s3xml.parse(begun), "UploadId")
    data = bytes(_SIZE)
    await _sent(client, _with_body("PUT", target.key, f"partNumber=1&uploadId={upload}", data))
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    await _sent(client, _with_body("POST", target.key, f"uploadId={upload}", body))


async def _head(client: UpstreamClient, key: str) -> None:
    await _sent(client, Request("HEAD", key_target(_BUCKET, f"put/{key}")))


def _with_body(method: str, key: str, query: str, body: bytes) -> Request:
    target = key_target(_BUCKET, key)
    digest = hashlib.sha256(body).hexdigest()
    return Request(method, target, query, body=body, length=len(body), payload_hash=digest)


async def _sent(client: UpstreamClient, request: Request) -> bytes:
    async with client.send(request) as response:
        if response.status != 200:
            raise Unexpected(f"{request.method} was answered with {response.status}")
        return await read_bounded(response, _MAX_BYTES)


if __name__ == "__main__":
    sys.exit(main())
