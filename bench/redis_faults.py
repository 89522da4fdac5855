"""Stop, freeze and restart Redis under load: ``python -m bench.redis_faults``.

A gateway caches restored files in Redis only. Clients request them continuously while Redis is
stopped, restarted, frozen (SIGSTOP) and thawed. The benchmark fails if a request fails, or if the
99th percentile is not back to normal within five seconds of Redis.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Final

import uvloop

from bench.load_client import Answers, load
from bench.testbed import GRAIN_FLOOR, bench_server, photo
from slimgate.eval.demo.processes import StartFailed
from slimgate.eval.demo.servers import ACCESS_KEY, BUCKET, SECRET_KEY, gateway_server, s3_client
from tests.servers.redis import RedisServer, missing

_KEYS: Final = tuple(f"{number}.png" for number in range(8))
_SIDE: Final = 256
_TIMEOUT_S: Final = 60.0
_WITHIN_S: Final = 5.0
_STEP_S: Final = 0.5
_LEAST_S: Final = 2.0
_NORMAL: Final = 1.5
"""Maximum ratio to the 99th percentile before the first fault."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A state of Redis.

    Attributes:
        name: name of the state.
        begin: enters the state.
        works: Redis is usable.
    """

    name: str
    begin: Callable[[], object]
    works: bool


def main() -> int:
    """Print a line per phase.

    Returns:
        0; 1 if a request failed, latency did not recover in time, or a server did not start.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.redis_faults", description=__doc__)
    parser.add_argument("--connections", type=int, default=8, help="concurrent requests")
    parser.add_argument("--seconds", type=float, default=8.0, help="duration of one phase")
    options = parser.parse_args()
    if missing():
        sys.stderr.write("redis-server is missing: install it.\n")
        return 1
    try:
        with _setting() as (redis, urls):
            phases = _phases(redis)
            begun, answers = uvloop.run(_run(phases, urls, options))
    except (StartFailed, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return _report(phases, begun, answers, options.seconds)


@contextmanager
def _setting() -> Iterator[tuple[RedisServer, list[str]]]:
    """Start Redis, a store and a gateway, and store some images."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="slimgate-faults-")))
        redis = stack.enter_context(RedisServer(folder))
        store, _ = stack.enter_context(bench_server("memory_store"))
        settings = {
            "upstream": {"endpoint": store},
            "credentials": [{"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}],
            "cache": {"max_bytes": 0, "redis": {"url": redis.url}},
            "policies": [
                {
                    "name": "b",
                    "bucket": BUCKET,
                    "mode": "optimize",
                    "effort": "fast",
                    "floor": GRAIN_FLOOR,
                }
            ],
        }
        server = stack.enter_context(gateway_server(settings, "127.0.0.1:0"))
        client = s3_client(f"http://{server.address(_TIMEOUT_S)}")
        stack.callback(client.close)
        urls = []
        for number, key in enumerate(_KEYS):
            named = {"Bucket": BUCKET, "Key": key}
            client.put_object(**named, Body=photo(number, side=_SIDE, corners=4))
            client.get_object(**named)["Body"].read()
            urls.append(client.generate_presigned_url("get_object", named, ExpiresIn=86_400))
        yield redis, urls


def _phases(redis: RedisServer) -> list[Phase]:
    return [
        Phase("normal", lambda: None, works=True),
        Phase("stopped", redis.stop, works=False),
        Phase("restarted", redis.start, works=True),
        Phase("frozen", redis.freeze, works=False),
        Phase("thawed", redis.thaw, works=True),
    ]


async def _run(
    phases: Sequence[Phase], urls: Sequence[str], options: argparse.Namespace
) -> tuple[list[float], Answers]:
    """Load the gateway through all phases.

    Returns:
        Start of each phase, and all responses.
    """
    whole_s = options.seconds * len(phases) + 1
    loading = asyncio.create_task(load(urls, options.connections, whole_s))
    begun = []
    for phase in phases:
        await asyncio.to_thread(phase.begin)
        begun.append(time.perf_counter())
        await asyncio.sleep(options.seconds)
    return begun, await loading


def _report(
    phases: Sequence[Phase], begun: Sequence[float], answers: Answers, seconds: float
) -> int:
    found = sorted(zip(answers.started, answers.seconds, strict=True))
    normal = _p99(_between(found, begun[0], begun[0] + seconds))
    right = not answers.failed
    _write(f"{'Redis is':16}{'requests':>9}{'p50 ms':>9}{'p99 ms':>9}  p99 back to normal after")
    for phase, start in zip(phases, begun, strict=True):
        taken = _between(found, start, start + seconds)
        after_s = _back_to_normal(found, start, seconds, _NORMAL * normal)
        said = "" if not phase.works or phase is phases[0] else _said(after_s)
        right = right and (not said or (after_s is not None and after_s <= _WITHIN_S))
        ms = f"{1e3 * median(taken):>9.1f}{1e3 * _p99(taken):>9.1f}"
        _write(f"{phase.name:16}{len(taken):>9,}{ms}  {said}".rstrip())
    _write(
        f"\n{len(found):,} requests, {answers.failed} failed; normal: the p99 of the rest of the"
    )
    _write(
        f"phase is at most {_NORMAL:g} times that before the first fault ({1e3 * normal:.1f} ms)"
    )
    return int(not right)


def _between(found: Sequence[tuple[float, float]], start: float, end: float) -> list[float]:
    return [took for began, took in found if start <= began < end]


def _p99(taken: Sequence[float]) -> float:
    return quantiles(taken, n=100, method="inclusive")[-1] if len(taken) > 1 else float("inf")


def _back_to_normal(
    found: Sequence[tuple[float, float]], start: float, seconds: float, most: float
) -> float | None:
    """Return the seconds until the rest of the phase, at least two seconds, is normal; or None."""
    for number in range(int((seconds - _LEAST_S) / _STEP_S) + 1):
        after = number * _STEP_S
        if _p99(_between(found, start + after, start + seconds)) <= most:
            return after
    return None


def _said(after_s: float | None) -> str:
    return "never" if after_s is None else f"{after_s:g} s"


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
