"""The setup of measurements: a store, a gateway, and clients of both."""

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
from slimgate.eval.demo.processes import Server
from slimgate.eval.demo.servers import ACCESS_KEY, REGION, SECRET_KEY, bucket_server, gateway_server

_TIMEOUT_S: Final = 60.0
_POLICY: Final = "-policy"

GRAIN_FLOOR: Final = {"orb": None}
"""The floor of policies for :func:`photo`: no rendition keeps the key points of grain."""


@dataclass(frozen=True, slots=True)
class Store:
    """An S3 store and its credentials.

    Attributes:
        endpoint: URL.
        access_key: access key with permission to create buckets.
        secret_key: secret key.
        region: region in signatures.
    """

    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = REGION


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement needs.

    Attributes:
        direct: client of the store.
        gateway: client of the gateway.
        process: process of the gateway.
        prefix: prefix of its bucket names.
    """

    direct: Client
    gateway: Client
    process: psutil.Process
    prefix: str

    def bucket(self, name: str, *, policy: bool) -> str:
        """Return the name of a bucket with or without a policy."""
        return f"{self.prefix}{_POLICY if policy else ''}-{name}"

    def rss_mib(self) -> float:
        """Return the resident memory of the gateway's process, MiB."""
        return float(self.process.memory_info().rss) / 2**20


@contextmanager
def bench(store: Store) -> Iterator[Bench]:
    """Start a gateway for a store, with policies for half of the buckets."""
    prefix = f"slimgate-bench-{token_hex(4)}"
    settings = {
        "upstream": {"endpoint": store.endpoint, "region": store.region},
        "credentials": [{"access_key": store.access_key, "secret_key": store.secret_key}],
        "index": {"kind": "memory"},
        "policies": [
            {
                "name": "bench",
                "bucket": f"{prefix}{_POLICY}-*",
                "mode": "optimize",
                "floor": GRAIN_FLOOR,
            }
        ],
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
    """Create buckets, and delete them with their content."""
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
    """Start an in-memory store."""
    with bucket_server() as endpoint:
        yield Store(endpoint)


@contextmanager
def echo_store() -> Iterator[Store]:
    """Start a store without costs."""
    with bench_server("echo") as (endpoint, _):
        yield Store(endpoint)


@contextmanager
def bench_server(module: str, *arguments: str) -> Iterator[tuple[str, psutil.Process]]:
    """Start a server of this package; yield its URL and process."""
    command = [sys.executable, "-m", f"bench.{module}", *arguments]
    with Server(command, ready=_announced) as server:
        endpoint = f"http://{server.address(_TIMEOUT_S)}"
        yield endpoint, psutil.Process(server.process.pid)


def _announced(line: str) -> str | None:
    _, found, rest = line.partition(echo.READY)
    return rest.strip() if found else None


def small_photo(number: int) -> bytes:
    """Return a small PNG of 96 x 96 pixels of which a rendition saves much."""
    return photo(number, side=96, corners=4)


def photo(number: int, *, side: int, corners: int) -> bytes:
    """Return a square PNG of soft colours and grain, about one byte per pixel.

    Args:
        number: seed.
        side: side, pixels.
        corners: number of colours from left to right.
    """
    random = np.random.default_rng(number)
    colours = random.integers(0, 256, (corners, corners, 3), dtype=np.uint8)
    smooth = Image.fromarray(colours).resize((side, side), Image.Resampling.BICUBIC)
    grain = random.integers(-3, 4, (side, side, 3))
    pixels = np.clip(np.asarray(smooth).astype(np.int64) + grain, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
