"""Measure the HEADs behind a listing: ``python -m bench.heads``.

The first listing of a bucket asks for every object. The gateway's signed requests are compared
with typed calls of aiobotocore, alternately, at the store without costs.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import TYPE_CHECKING, Final

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from bench import echo
from bench.testbed import Store, echo_store
from slimgate.config import Limits
from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.object_client import Caller, UpstreamClient
from slimgate.gateway.storage.retries import shown_headers
from slimgate.gateway.storage.upstream import Upstream

if TYPE_CHECKING:
    from aiobotocore.client import AioBaseClient

_BUCKET: Final = "bucket"
_KEY: Final = echo.key_of(0)
_AT_ONCE: Final = Limits().max_listing_heads

Head = Callable[[], Awaitable[object]]


def main() -> int:
    """Run the command line; 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.heads", description=__doc__)
    parser.add_argument("--heads", type=int, default=1000, help="requests per repetition")
    parser.add_argument("--repetitions", type=int, default=7, help="repetitions of each kind")
    options = parser.parse_args()
    with echo_store() as store:
        signed, typed = asyncio.run(_measured(store, options.heads, options.repetitions))
    sys.stdout.write(
        f"HEADs/s, {_AT_ONCE} at a time, median (lowest to highest):\n"
        f"signed requests  {_shown(signed)}\n"
        f"typed calls      {_shown(typed)}\n"
        f"ratio            {median(signed) / median(typed):.2f}\n"
    )
    return 0


def _shown(rates: list[float]) -> str:
    return f"{median(rates):7,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


async def _measured(store: Store, heads: int, repetitions: int) -> tuple[list[float], list[float]]:
    """Return the rates of signed requests and of typed calls, HEADs/s."""
    identity, target = Identity(store.access_key, store.secret_key), key_target(_BUCKET, _KEY)
    settings = UpstreamSettings(endpoint=store.endpoint)
    async with Upstream(settings) as upstream, _typed_client(store, settings) as typed:
        client = UpstreamClient(upstream, Caller(identity))

        async def signed_head() -> None:
            await shown_headers(client, target, None)

        async def typed_head() -> None:
            await typed.head_object(Bucket=_BUCKET, Key=_KEY)

        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(repetitions + 1):
            for head, found in zip((signed_head, typed_head), rates, strict=True):
                found.append(await _rate(head, heads))
    return rates[0][1:], rates[1][1:]  # without the first, which opens connections


def _typed_client(store: Store, settings: UpstreamSettings) -> "AioBaseClient":
    return get_session().create_client(
        "s3",
        region_name=settings.region,
        endpoint_url=store.endpoint,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
        config=AioConfig(
            s3={"addressing_style": "path"}, max_pool_connections=settings.max_connections
        ),
    )


async def _rate(head: Head, count: int) -> float:
    places = asyncio.Semaphore(_AT_ONCE)

    async def one() -> None:
        async with places:
            await head()

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())
