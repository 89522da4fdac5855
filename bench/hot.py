"""Measure GETs of a cached restored image: ``python -m bench.hot``.

A file of about 1 MB is served by plain aiohttp from memory, without S3, and by gateways that have
it in memory or in Redis. Before looking at a cache, the gateway checks access with a HEAD request
to the bucket; its cost is measured with an in-memory store, and excluded with a store inside the
gateway's process.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.request import urlopen

import psutil
import yaml

from bench import hot_server
from bench.client import Unexpected
from bench.load_client import requests_per_second
from bench.testbed import GRAIN_FLOOR, bench_server, photo
from slimgate.eval.demo.processes import StartFailed
from slimgate.eval.demo.servers import ACCESS_KEY, BUCKET, SECRET_KEY, gateway_server, s3_client
from tests.servers.redis import RedisServer, missing

_SIDE: Final = 874
_KEY: Final = "hot.png"
_TIMEOUT_S: Final = 60.0
_PLAIN: Final = "plain aiohttp"
_EXPLANATION: Final = (
    "ratio: requests/s, and requests per CPU-second of the server, as a share of\n"
    "plain aiohttp's; medians of interleaved repetitions. No HEAD: without the request\n"
    "to the bucket that checks access; the difference is the cost of that check."
)


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that has the file.

    Attributes:
        url: signed URL.
        process: process of the server.
    """

    url: str
    process: psutil.Process


@dataclass(frozen=True, slots=True)
class Result:
    """Results of one server.

    Attributes:
        per_second: requests per second, by repetition.
        cpu_ms: CPU time per request, milliseconds, by repetition.
    """

    per_second: tuple[float, ...]
    cpu_ms: tuple[float, ...]


def main() -> int:
    """Print a table.

    Returns:
        0; 1 if a server did not start or answered unexpectedly.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.hot", description=__doc__)
    parser.add_argument("--connections", type=int, default=8, help="concurrent requests")
    parser.add_argument("--seconds", type=float, default=2.0, help="duration of one repetition")
    parser.add_argument("--repetitions", type=int, default=7)
    options = parser.parse_args()
    try:
        with _contenders() as (contenders, size):
            results = _measured(contenders, options)
    except (StartFailed, Unexpected, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(_table(results, size, options.connections))
    return 0


@contextmanager
def _contenders() -> Iterator[tuple[dict[str, Contender], int]]:
    """Start all servers, with the file in their caches."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="slimgate-hot-")))
        store, _ = stack.enter_context(bench_server("memory_store"))
        caches = {"memory": {}, **stack.enter_context(_in_redis(folder))}
        found: dict[str, Contender] = {}
        for name, cache in caches.items():
            settings = _settings(store, cache)
            server = stack.enter_context(gateway_server(settings, "127.0.0.1:0"))
            endpoint = f"http://{server.address(_TIMEOUT_S)}"
            found[name] = Contender(_signed(endpoint), psutil.Process(server.process.pid))
        size = _prepare(folder, found["memory"].url, store)
        for name, cache in caches.items():
            settings = {**_settings(store, cache), "listen": "127.0.0.1:0"}
            (folder / hot_server.CONFIGURATION).write_text(yaml.safe_dump(settings))
            found[f"{name}, no HEAD"] = _started(stack, "gateway", folder)
        found[_PLAIN] = _started(stack, "plain", folder)
        for each in found.values():
            _warm(each.url, size)
        yield found, size


@contextmanager
def _in_redis(folder: Path) -> Iterator[dict[str, Any]]:
    if missing():
        sys.stderr.write("redis-server is not installed: measuring the memory cache only\n")
        yield {}
        return
    with RedisServer(folder) as redis:
        yield {"Redis": {"max_bytes": 0, "redis": {"url": redis.url, "timeout_ms": 5000}}}


def _settings(store: str, cache: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "upstream": {"endpoint": store},
        "credentials": [{"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}],
        "engine": {"workers": 1},
        "cache": dict(cache),
        "policies": [
            {
                "name": "hot",
                "bucket": BUCKET,
                "mode": "optimize",
                "effort": "fast",
                "floor": GRAIN_FLOOR,
            }
        ],
    }


def _signed(endpoint: str) -> str:
    client = s3_client(endpoint)
    named = {"Bucket": BUCKET, "Key": _KEY}
    url: str = client.generate_presigned_url("get_object", named, ExpiresIn=86_400)
    client.close()
    return url


def _prepare(folder: Path, url: str, store: str) -> int:
    """Store the file through a gateway, and save what it and the store return.

    Returns:
        Size of the file, bytes.
    """
    gateway = s3_client(url.partition(f"/{BUCKET}/")[0])
    gateway.put_object(Bucket=BUCKET, Key=_KEY, Body=photo(0, side=_SIDE, corners=8))
    file = gateway.get_object(Bucket=BUCKET, Key=_KEY)["Body"].read()
    gateway.close()
    with urlopen(f"{store}/{BUCKET}/{_KEY}") as answer:  # noqa: S310  # our own server
        stored, headers = answer.read(), dict(answer.headers.items())
    if len(stored) >= len(file):
        raise Unexpected("the file was stored as uploaded: nothing to measure")
    (folder / hot_server.FILE).write_bytes(file)
    (folder / hot_server.STORED).write_bytes(stored)
    (folder / hot_server.HEADERS).write_text(json.dumps(headers))
    return len(file)


def _started(stack: ExitStack, kind: str, folder: Path) -> Contender:
    endpoint, process = stack.enter_context(bench_server("hot_server", kind, str(folder)))
    return Contender(_signed(endpoint), process)


def _warm(url: str, size: int) -> None:
    for _ in range(3):
        with urlopen(url) as answer:  # noqa: S310  # our own server
            if len(answer.read()) != size:
                raise Unexpected("a server returned another file")


def _measured(
    contenders: Mapping[str, Contender], options: argparse.Namespace
) -> dict[str, Result]:
    """Measure all servers alternately, so that slow moments of the machine affect all."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.repetitions):
        for name, each in contenders.items():
            before = _cpu_s(each.process)
            rate = requests_per_second(each.url, options.connections, options.seconds)
            rates[name].append(rate)
            costs[name].append(1e3 * (_cpu_s(each.process) - before) / (rate * options.seconds))
    return {name: Result(tuple(rates[name]), tuple(costs[name])) for name in contenders}


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _table(results: Mapping[str, Result], size: int, connections: int) -> str:
    plain = results[_PLAIN]
    lines = [
        f"GET of a restored image of {size:,} bytes, {connections} concurrent requests",
        "",
        f"{'':20}{'requests/s':>12}{'ratio':>8}{'spread':>13}{'CPU ms':>9}{'ratio':>8}",
        "-" * 70,
    ]
    for name in (_PLAIN, *sorted(results.keys() - {_PLAIN}, key=str.lower)):
        result = results[name]
        rates = [a / b for a, b in zip(result.per_second, plain.per_second, strict=True)]
        costs = [b / a for a, b in zip(result.cpu_ms, plain.cpu_ms, strict=True)]
        spread = f"{min(rates):.2f}-{max(rates):.2f}"
        lines.append(
            f"{name:20}{median(result.per_second):>12,.0f}{median(rates):>8.2f}{spread:>13}"
            f"{median(result.cpu_ms):>9.3f}{median(costs):>8.2f}"
        )
    return "\n".join([*lines, "", _EXPLANATION, ""])


if __name__ == "__main__":
    sys.exit(main())
