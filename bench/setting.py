"""What is measured: a store, a gateway before it, and a client of each."""

import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

import numpy as np
import psutil
from PIL import Image

from bench import echo
from bench.client import Client
from eval.demo.processes import Server
from eval.demo.servers import ACCESS_KEY, REGION, SECRET_KEY, bucket_server, gateway_server

_TIMEOUT_S: Final = 60.0
_POLICY: Final = "-policy"


@dataclass(frozen=True, slots=True)
class Store:
    """An S3 store and who may use it.

    Attributes:
        endpoint: Its URL.
        access_key: Key with the right to make buckets.
        secret_key: Its secret.
        region: Region to sign for.
    """

    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = REGION


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that a measurement needs.

    Attributes:
        direct: Client of the store.
        gateway: Client of the gateway.
        process: The gateway's process.
        prefix: What the names of its buckets begin with.
    """

    direct: Client
    gateway: Client
    process: psutil.Process
    prefix: str

    def bucket(self, name: str, *, policy: bool) -> str:
        """Name a bucket for which there is a policy, or none."""
        return f"{self.prefix}{_POLICY if policy else ''}-{name}"

    def rss_mib(self) -> float:
        """Give the memory that the gateway's process occupies, MiB."""
        return float(self.process.memory_info().rss) / 2**20


@contextmanager
def bench(store: Store) -> Iterator[Bench]:
    """Start a gateway before a store, with policies for half of the buckets."""
    prefix = f"slimgate-bench-{token_hex(4)}"
    settings = {
        "upstream": {"endpoint": store.endpoint, "region": store.region},
        "credentials": [{"access_key": store.access_key, "secret_key": store.secret_key}],
        "policies": [{"name": "bench", "bucket": f"{prefix}{_POLICY}-*", "mode": "optimize"}],
    }
    who = (store.access_key, store.secret_key, store.region)
    with ExitStack() as stack:
        server = stack.enter_context(gateway_server(settings, "127.0.0.1:0"))
        endpoint = f"http://{server.address(_TIMEOUT_S)}"
        direct = stack.enter_context(Client(store.endpoint, *who))
        gateway = stack.enter_context(Client(endpoint, *who))
        yield Bench(direct, gateway, psutil.Process(server.process.pid), prefix)


@contextmanager
def buckets(client: Any, *names: str) -> Iterator[None]:
    """Make buckets, and remove them with everything in them."""
    with ExitStack() as stack:
        for name in names:
            client.create_bucket(Bucket=name)
            stack.callback(_remove, client, name)
        yield


def _remove(client: Any, bucket: str) -> None:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        found = [{"Key": entry["Key"]} for entry in page.get("Contents", ())]
        if found:
            client.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
    client.delete_bucket(Bucket=bucket)


@contextmanager
def moto_store() -> Iterator[Store]:
    """Start a store in memory."""
    with bucket_server() as endpoint:
        yield Store(endpoint)


@contextmanager
def echo_store() -> Iterator[Store]:
    """Start a store that costs nothing and keeps nothing."""
    with bench_server("echo") as (endpoint, _):
        yield Store(endpoint)


@contextmanager
def bench_server(module: str, *arguments: str) -> Iterator[tuple[str, psutil.Process]]:
    """Start a server of this package; give its URL and its process."""
    command = [sys.executable, "-m", f"bench.{module}", *arguments]
    with Server(command, ready=_announced) as server:
        endpoint = f"http://{server.address(_TIMEOUT_S)}"
        yield endpoint, psutil.Process(server.process.pid)


def _announced(line: str) -> str | None:
    _, found, rest = line.partition(echo.READY)
    return rest.strip() if found else None


def small_photo(number: int) -> bytes:
    """Draw a small image that a rendition saves much of: a PNG of 96 x 96 pixels."""
    return photo(number, side=96, corners=4)


def photo(number: int, *, side: int, corners: int) -> bytes:
    """Draw a square PNG of soft colours and grain, of about one byte per pixel.

    Args:
        number: Which one.
        side: Its pixels.
        corners: How many colours it has from left to right.
    """
    random = np.random.default_rng(number)
    colours = random.integers(0, 256, (corners, corners, 3), dtype=np.uint8)
    smooth = Image.fromarray(colours).resize((side, side), Image.Resampling.BICUBIC)
    grain = random.integers(-3, 4, (side, side, 3))
    pixels = np.clip(np.asarray(smooth).astype(np.int64) + grain, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
