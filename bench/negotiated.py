"""Measure GETs of renditions that browsers get: ``python -m bench.negotiated``.

The bytes of a rendition pass through a gateway twice: as the object that a browser negotiates, with
their digest verified, and as a plain object of a bucket without a policy. The store is in memory.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any, Final
from urllib.request import Request, urlopen

import psutil

from bench.client import Unexpected
from bench.load_client import requests_per_second
from bench.testbed import GRAIN_FLOOR, bench_server, photo
from slimgate.eval.demo.processes import StartFailed
from slimgate.eval.demo.servers import ACCESS_KEY, BUCKET, SECRET_KEY, gateway_server, s3_client

_PLAIN: Final = "plain"
_AVIF: Final = "image/avif"
_SIDES: Final = (256, 874, 2400)
_TIMEOUT_S: Final = 60.0


def main() -> int:
    """Print a line per size.

    Returns:
        0; 1 if a server did not start or answered unexpectedly.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.negotiated", description=__doc__)
    parser.add_argument("--connections", type=int, default=8, help="concurrent requests")
    parser.add_argument("--seconds", type=float, default=2.0, help="duration of one repetition")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    try:
        with _gateway() as (endpoint, process):
            for side in _SIDES:
                _measure(endpoint, process, side, options)
    except (StartFailed, Unexpected, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


@contextmanager
def _gateway() -> Iterator[tuple[str, psutil.Process]]:
    """Start a gateway and its store; yield URL and process of the gateway."""
    with ExitStack() as stack:
        store, _ = stack.enter_context(bench_server("memory_store"))
        settings: dict[str, Any] = {
            "upstream": {"endpoint": store},
            "credentials": [{"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}],
            "engine": {"workers": 1},
            "policies": [
                {
                    "name": "browsers", "bucket": BUCKET, "mode": "optimize", "effort": "fast",
                    "tiers": ["recode"], "codecs": ["avif"],
                    "floor": {**GRAIN_FLOOR, "psnr_db": 42},
                    "serve": {"negotiate": ["avif"]},
                }
            ],
        }  # fmt: skip
        server = stack.enter_context(gateway_server(settings, "127.0.0.1:0"))
        yield f"http://{server.address(_TIMEOUT_S)}", psutil.Process(server.process.pid)


def _measure(
    endpoint: str, process: psutil.Process, side: int, options: argparse.Namespace
) -> None:
    """Store a photograph and its bare rendition, and print how fast each is served."""
    key = f"{side}.png"
    client = s3_client(endpoint)
    upload = photo(0, side=side, corners=8)
    client.put_object(Bucket=BUCKET, Key=key, Body=upload, ContentType="image/png")
    links = {
        bucket: client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
        for bucket in (BUCKET, _PLAIN)
    }
    with urlopen(Request(links[BUCKET], headers={"Accept": _AVIF})) as answer:  # noqa: S310  # ours
        if answer.headers["Content-Type"] != _AVIF:
            raise Unexpected(f"{key} was not stored as AVIF: nothing to measure")
        rendition = answer.read()
    client.put_object(Bucket=_PLAIN, Key=key, Body=rendition, ContentType=_AVIF)
    client.close()
    rates: list[float] = []
    costs: list[float] = []
    for _ in range(options.repetitions):
        (plain, plain_cpu_s), (other, other_cpu_s) = (
            _rate(links[bucket], process, options) for bucket in (_PLAIN, BUCKET)
        )
        rates.append(other / plain)
        costs.append(plain_cpu_s / other_cpu_s)
    sys.stdout.write(
        f"{len(upload):>10,} bytes uploaded, {len(rendition):>9,} served, as a share of "
        f"pass-through: requests/s {_shown(rates)}, requests per CPU-second {_shown(costs)}\n"
    )
    sys.stdout.flush()


def _rate(url: str, process: psutil.Process, options: argparse.Namespace) -> tuple[float, float]:
    """Return requests per second, and CPU seconds of the gateway per request."""
    before = _cpu_s(process)
    rate = requests_per_second(url, options.connections, options.seconds, accept=_AVIF)
    return rate, (_cpu_s(process) - before) / (rate * options.seconds)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _shown(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    sys.exit(main())
