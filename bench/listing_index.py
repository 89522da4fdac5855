"""Measure listings of a large bucket: ``python -m bench.listing_index``.

Lists a bucket of Ceph RGW directly and through gateways whose index is empty, primed by
``slimgate index``, used again after a restart, shared by two processes, and shared by two
gateways through Redis. Direct listings alternate with those through a gateway. ``--memory`` also
measures what a million entries take.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import psutil
from multidict import CIMultiDict

from bench import index_memory
from bench.client import Client, Unexpected
from bench.testbed import GRAIN_FLOOR, small_photo
from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.object_client import Caller, UpstreamClient
from slimgate.gateway.storage.upstream import Upstream
from tests.e2e.operators import counted, counts
from tests.servers.ceph import missing_programs, rgw_server
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.redis import RedisServer
from tests.servers.redis import missing as redis_is_missing
from tests.servers.server import S3Server

_BUCKET: Final = "photos-bench"
_PAGE: Final = 1000
_PHOTOS: Final = 20
_AT_ONCE: Final = 32
_WIDTHS: Final = (44, 8, 6, 8, 8, 8, 8)


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        name: state of the index.
        seconds: time of the whole listing with boto3, seconds.
        ratio: that time as a multiple of the direct one before it, median.
        page_ms: time of a page of 1,000 keys that the client does not parse, median, milliseconds.
        page_ratio: that time as a multiple of the direct one.
        heads: HEAD requests for the whole listing.
        rss_mib: resident memory of the gateway afterwards, MiB.
    """

    name: str
    seconds: float
    ratio: float
    page_ms: float
    page_ratio: float
    heads: int | None
    rss_mib: float | None


@dataclass(frozen=True, slots=True)
class Setting:
    """What all measurements share.

    Attributes:
        folder: folder for files of indexes and configurations.
        store: the store.
        keys: all keys, sorted.
        direct: client of the store.
        repetitions: listings per measurement.
    """

    folder: Path
    store: S3Server
    keys: Sequence[str]
    direct: Client
    repetitions: int

    def pages(self, client: Client) -> list[float]:
        """List everything once; return the time of each page, seconds."""
        client.reconnect()
        starts = ["", *self.keys[_PAGE - 1 : -1 : _PAGE]]
        return [client.listing(_BUCKET, after)() for after in starts]

    def whole(self, client: Client) -> float:
        """List everything once with boto3, which parses the pages; return the time, seconds."""
        started, count, managed = time.perf_counter(), 0, 0
        for page in client.s3.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET):
            count += len(page["Contents"])
            managed += sum(entry["Size"] > _PAGE for entry in page["Contents"])
        seconds = time.perf_counter() - started
        if count != len(self.keys) or (client is not self.direct and managed * 4 < count):
            raise Unexpected(f"{count} keys, {managed} of them managed")
        return seconds

    def client(self, endpoint: str) -> Client:
        """Return a client of a gateway or the store."""
        return Client(endpoint, self.store.main.access, self.store.main.secret, "us-east-1")


def main() -> int:
    """Print the table.

    Returns:
        0; 1 if something is missing.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.listing_index", description=__doc__)
    parser.add_argument("--keys", type=int, default=20_000, help="objects, a quarter managed")
    parser.add_argument("--repetitions", type=int, default=5, help="listings per measurement")
    parser.add_argument("--memory", action="store_true", help="also fill a million entries")
    options = parser.parse_args()
    if missing_programs() or redis_is_missing():
        sys.stderr.write("Ceph or redis-server is missing: install them.\n")
        return 1
    with TemporaryDirectory(prefix="sl-", dir="/tmp") as folder:  # short, for sockets
        for line in _table(Path(folder), options):
            print(line, flush=True)
        if options.memory:
            for line in index_memory.lines(Path(folder)):
                print(line, flush=True)
    return 0


def _table(folder: Path, options: argparse.Namespace) -> Iterator[str]:
    yield f"{options.keys:,} keys, a quarter managed; load {psutil.getloadavg()[0]:.1f}"
    titles = ("listing", "seconds", "x", "page ms", "page x", "HEADs", "RSS MiB")
    yield _joined(titles)
    for name in ("ceph", "work"):
        (folder / name).mkdir()
    with rgw_server(folder / "ceph") as store, ExitStack() as stack:
        keys = [f"{number:08}.jpg" for number in range(options.keys)]
        direct = stack.enter_context(
            Client(store.endpoint, store.main.access, store.main.secret, "us-east-1")
        )
        setting = Setting(folder / "work", store, keys, direct, options.repetitions)
        _fill(setting)
        for row in _rows(setting):
            yield _line(row)


def _rows(setting: Setting) -> Iterator[Row]:
    whole = [setting.whole(setting.direct) for _ in range(setting.repetitions)]
    pages = [each for _ in whole for each in setting.pages(setting.direct)]
    yield Row("direct", median(whole), 1.0, median(pages) * 1e3, 1.0, None, None)
    one = _settings(setting, "one")
    with _gateway(setting, one) as gateway:
        yield gateway.measured("cold, empty index", 1)
        yield gateway.measured("known from the first listing", setting.repetitions)
    primed = _settings(setting, "primed")
    took = _primed(setting, primed)
    with _gateway(setting, primed) as gateway:
        yield gateway.measured(f"primed by the command in {took:.1f} s", 1)
        yield gateway.measured("the same, again", setting.repetitions)
    with _gateway(setting, primed) as gateway:
        yield gateway.measured("after a restart, first", 1)
        yield gateway.measured("after a restart", setting.repetitions)
    with _gateway(setting, {**primed, "processes": 2, "engine": {"workers": 2}}) as gateway:
        yield gateway.measured("two processes", setting.repetitions)
    with RedisServer(setting.folder) as redis:
        yield from _redis_rows(setting, redis)


def _redis_rows(setting: Setting, redis: RedisServer) -> Iterator[Row]:
    cache = {"redis": {"url": redis.url}}
    _primed(setting, {**_settings(setting, "redis-a"), "cache": cache})
    for number in range(2):
        other = {**_settings(setting, f"redis-{number}"), "cache": cache}
        with _gateway(setting, other) as gateway:
            yield gateway.measured(f"gateway {number + 2} of Redis, empty file, first", 1)
            yield gateway.measured(f"gateway {number + 2} of Redis", setting.repetitions)


class _Running(NamedTuple):
    """A gateway under measurement."""

    setting: Setting
    client: Client
    process: GatewayProcess

    def measured(self, name: str, repetitions: int) -> Row:
        """List everything, in turns with direct listings."""
        before = self._misses()
        setting, ratios, through = self.setting, [], []
        for _ in range(repetitions):
            direct = setting.whole(setting.direct)
            through.append(setting.whole(self.client))
            ratios.append(through[-1] / direct)
        heads = self._misses() - before
        pages = [(setting.pages(setting.direct), setting.pages(self.client)) for _ in through]
        direct_ms, page_ms = (
            1e3 * median(t for p in side for t in p) for side in zip(*pages, strict=True)
        )
        return Row(
            name, median(through), median(ratios), page_ms, page_ms / direct_ms,
            round(heads / repetitions), self.process.rss()[0] / 2**20,
        )  # fmt: skip

    def _misses(self) -> int:
        return int(counted(counts(self.process), "listed_objects_total", result="miss"))


@contextmanager
def _gateway(setting: Setting, settings: dict[str, Any]) -> Iterator[_Running]:
    config = {**settings, "admin": {"listen": "127.0.0.1:0"}}
    with ExitStack() as stack:
        process = stack.enter_context(GatewayProcess(config, setting.folder))
        client = stack.enter_context(setting.client(process.endpoint))
        yield _Running(setting, client, process)


def _settings(setting: Setting, name: str) -> dict[str, Any]:
    index = {"kind": "sqlite", "path": str(setting.folder / f"{name}.sqlite")}
    policy = {"name": "p", "bucket": "photos*", "mode": "optimize", "floor": GRAIN_FLOOR}
    return configuration(setting.store, index=index, policies=[policy], engine={"workers": 1})


def _primed(setting: Setting, settings: dict[str, Any]) -> float:
    """Fill the index by the command; return its time, seconds."""
    process = GatewayProcess(settings, setting.folder)
    command = [sys.executable, "-m", "slimgate", "index", f"s3://{_BUCKET}"]
    started = time.monotonic()
    done = subprocess.run([*command, "--config", str(process.file)], check=False)
    if done.returncode:
        raise Unexpected("the index could not be filled")
    return time.monotonic() - started


def _fill(setting: Setting) -> None:
    """Store photos through a gateway and copy them; everything else is plain."""
    setting.direct.s3.create_bucket(Bucket=_BUCKET)
    managed = setting.keys[::4]
    with _gateway(setting, _settings(setting, "fill")) as gateway:
        for number, key in enumerate(managed[:_PHOTOS]):
            gateway.client.put(_BUCKET, key, small_photo(number))()
            if "slimgate" not in setting.direct.s3.head_object(Bucket=_BUCKET, Key=key)["Metadata"]:
                raise Unexpected(f"{key} was stored as uploaded: nothing to measure")
    asyncio.run(_copies(setting, managed))
    time.sleep(2)  # what is looked at in the second of its write is not remembered


async def _copies(setting: Setting, managed: Sequence[str]) -> None:
    identity = Identity(setting.store.main.access, setting.store.main.secret)
    places = asyncio.Semaphore(_AT_ONCE)
    sources = {key: managed[n % _PHOTOS] for n, key in enumerate(managed)}
    async with Upstream(UpstreamSettings(endpoint=setting.store.endpoint)) as upstream:
        client = UpstreamClient(upstream, Caller(identity))

        async def one(key: str) -> None:
            about: CIMultiDict[str] = CIMultiDict()
            body: bytes | None = b"x"
            if key in sources:
                about["x-amz-copy-source"] = f"/{_BUCKET}/{sources[key]}"
                body = None
            request = Request(
                "PUT",
                key_target(_BUCKET, key),
                "",
                about,
                body,
                len(body or b""),
                "UNSIGNED-PAYLOAD",
            )
            async with places, client.send(request) as response:
                if response.status != 200:
                    raise Unexpected(f"PUT was answered with {response.status}")

        wanted = [key for key in setting.keys if key not in set(managed[:_PHOTOS])]
        await asyncio.gather(*map(one, wanted))


def _line(row: Row) -> str:
    return _joined(
        (
            row.name,
            f"{row.seconds:.2f}",
            f"{row.ratio:.2f}",
            f"{row.page_ms:.1f}",
            f"{row.page_ratio:.2f}",
            "" if row.heads is None else f"{row.heads:,}",
            "" if row.rss_mib is None else f"{row.rss_mib:.0f}",
        )
    )


def _joined(cells: Sequence[str]) -> str:
    first, *rest = cells
    shown = [f"{first:<{_WIDTHS[0]}}"]
    shown += [f"{cell:>{width}}" for cell, width in zip(rest, _WIDTHS[1:], strict=True)]
    return " ".join(shown).rstrip()


if __name__ == "__main__":
    sys.exit(main())
