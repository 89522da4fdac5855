"""Compare the gateway with nginx as a plain proxy: ``python -m bench.proxies``.

Both stand before the same store, nginx with files, and one client asks all three in turns. nginx
forwards bytes; the gateway also verifies each signature, signs anew, and looks for manifests.
The first small request of each connection has a column of its own: all of them are sent at once,
while the gateway opens as many connections to the store.
"""

import argparse
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

import uvloop

from bench.client import Client, Unexpected
from bench.load_client import Answers, load
from slimgate.eval.demo.processes import StartFailed
from slimgate.eval.demo.servers import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, gateway_server
from tests.servers.nginx import file_store, load_balancer, missing_program

_SMALL: Final = "small"
_LARGE: Final = "large"
_KIB: Final = 1 << 10
_MIB: Final = 1 << 20
_TIMEOUT_S: Final = 60.0
_NGINX: Final = "nginx"

Rates = Mapping[str, Sequence[float]]


def main() -> int:
    """Print tables.

    Returns:
        0; 1 if a server did not start or answered unexpectedly.
    """
    options = _parser().parse_args()
    if missing_program():
        sys.stderr.write("install nginx first\n")
        return 1
    try:
        with ExitStack() as stack:
            endpoints = stack.enter_context(_servers(options.processes))
            _print_small(endpoints, options)
            _print_large(endpoints, options)
    except (StartFailed, Unexpected, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.proxies", description=__doc__)
    parser.add_argument("--connections", type=int, default=32, help="concurrent small requests")
    parser.add_argument("--seconds", type=float, default=3.0, help="duration of one repetition")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--mib", type=int, default=64, help="size of a large object, MiB")
    parser.add_argument(
        "--processes", type=int, nargs="+", default=[1, 2], help="gateways to compare"
    )
    return parser


@contextmanager
def _servers(processes: Sequence[int]) -> Iterator[dict[str, str]]:
    """Start the store, nginx and gateways; yield their URLs by name."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="slimgate-proxies-")))
        store = stack.enter_context(file_store(_made(folder / "store")))
        bucket = _made(folder / "store" / "objects" / BUCKET)
        (bucket / _SMALL).write_bytes(secrets.token_bytes(_KIB))
        port = urlsplit(store).port or 80
        proxy = stack.enter_context(load_balancer([port], _made(folder / "proxy")))
        found = {"store": store, _NGINX: proxy}
        for count in processes:
            server = stack.enter_context(gateway_server(_settings(store, count), "127.0.0.1:0"))
            found[f"gateway, {count}"] = f"http://{server.address(_TIMEOUT_S)}"
        yield found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _settings(store: str, processes: int) -> dict[str, Any]:
    return {
        "processes": processes,
        "upstream": {"endpoint": store},
        "credentials": [{"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}],
        "index": {"kind": "memory"},
        "engine": {"workers": processes},
    }


def _print_small(endpoints: Mapping[str, str], options: argparse.Namespace) -> None:
    """Measure GETs of 1 KiB on many connections."""
    rates: dict[str, list[float]] = {name: [] for name in endpoints}
    times: dict[str, list[tuple[float, ...]]] = {name: [] for name in endpoints}
    urls = {name: _signed_url(endpoint) for name, endpoint in endpoints.items()}
    for _ in range(options.repetitions):
        for name, url in urls.items():
            answers = uvloop.run(load([url], options.connections, options.seconds))
            if answers.failed:
                raise Unexpected(f"{name}: {answers.failed} responses were not 200")
            rates[name].append(len(answers.seconds) / options.seconds)
            times[name].append(_times(answers))
    _write(f"GET of 1 KiB on {options.connections} connections\n")
    _write(
        f"{'':12}{'1/s':>9}{'of nginx':>10}{'spread':>13}"
        f"{'median':>9}{'p99':>9}{'longest':>9}{'first':>9} ms"
    )
    for name in endpoints:
        shown = "".join(
            f"{1e3 * median(column):>9.2f}" for column in zip(*times[name], strict=True)
        )
        _write(f"{_compared(name, rates)}{shown}")


def _times(answers: Answers) -> tuple[float, ...]:
    """Return median, 99th percentile and longest, seconds; last the longest first request."""
    taken, first = quantiles(answers.seconds, n=100), answers.first
    later = max(each for at, each in enumerate(answers.seconds) if at not in first)
    return taken[49], taken[98], later, max(answers.seconds[at] for at in first)


def _print_large(endpoints: Mapping[str, str], options: argparse.Namespace) -> None:
    """Measure one transfer at a time."""
    size = options.mib * _MIB
    with ExitStack() as stack:
        clients = {
            name: stack.enter_context(Client(endpoint, ACCESS_KEY, SECRET_KEY, REGION))
            for name, endpoint in endpoints.items()
        }
        data = bytes(size)
        puts = {name: each.put(BUCKET, _LARGE, data) for name, each in clients.items()}
        gets = {name: each.get(BUCKET, _LARGE, size) for name, each in clients.items()}
        for what, calls in (("PUT", puts), ("GET", gets)):
            _print_transfers(f"{what} of {options.mib} MiB", calls, options)


def _print_transfers(
    what: str, calls: Mapping[str, Callable[[], float]], options: argparse.Namespace
) -> None:
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(options.repetitions + 1):
        for name, call in calls.items():
            rate = options.mib / call()
            if number:  # the first opens connections
                rates[name].append(rate)
    _write(f"\n{what}\n\n{'':12}{'MiB/s':>9}{'of nginx':>10}{'spread':>13}")
    for name in calls:
        _write(_compared(name, rates))


def _compared(name: str, rates: Rates) -> str:
    ratios = [a / b for a, b in zip(rates[name], rates[_NGINX], strict=True)]
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    return f"{name:12}{median(rates[name]):>9,.0f}{median(ratios):>10.2f}{spread:>13}"


def _signed_url(endpoint: str) -> str:
    with Client(endpoint, ACCESS_KEY, SECRET_KEY, REGION) as client:
        named = {"Bucket": BUCKET, "Key": _SMALL}
        url: str = client.s3.generate_presigned_url("get_object", named, ExpiresIn=86_400)
    return url


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
