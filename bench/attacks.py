"""Measure how long other clients wait while a gateway is attacked: ``python -m bench.attacks``.

A store without costs, a gateway, an attacker at 127.0.0.1 and a client at 127.0.0.2 that requests
objects of 1 KiB. The gateway may come from another checkout, to compare versions.
"""

import argparse
import asyncio
import multiprocessing
import ssl
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import trustme
import yaml

from bench import attack_kinds
from bench.attack_client import WaitingTimes, get_for_a_while
from bench.attack_kinds import ATTACKS, BUCKET, Target
from bench.echo import READY, key_of
from slimgate.eval.demo.processes import Server, StartFailed
from slimgate.eval.demo.servers import ACCESS_KEY, SECRET_KEY, gateway_address, s3_client
from tests.servers.server import free_port

_HERE: Final = Path(__file__).parents[1]
_START_S: Final = 60.0
_LEAD_S: Final = 1.0
"""Delay before measuring, for the attack to start."""

_SAMPLE_S: Final = 0.05
_READY_S: Final = 10.0
_TLS: Final = "-tls"
_POLICY: Final = {"name": "photos", "bucket": "photos", "mode": "optimize", "anonymous": True}
"""Attackers need no key."""

_HEADER: Final = (
    f"{'attack':<17}{'requests':>9}{'failed':>8}{'median':>9}{'p99':>9}{'max':>9}"
    f"{'MiB idle':>10}{'peak':>6}  readyz: worst status, ms; failures"
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The attacked gateway.

    Attributes:
        url: presigned URL of an object of 1 KiB.
        operators: HOST:PORT of the admin listener.
        process: operating-system process.
        context: TLS context that trusts its certificate; None: http.
    """

    url: str
    operators: str
    process: psutil.Process
    context: ssl.SSLContext | None


class Watch:
    """Monitors memory and readiness of a gateway within a ``with`` block.

    Args:
        gateway: gateway to monitor.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._measure, self._ask)]
        self.idle_mib = self._rss_mib()
        self.peak_mib = self.idle_mib
        self.ready_status = "200"
        self.ready_ms = 0.0

    def __enter__(self) -> "Watch":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for each in self._threads:
            each.join()

    def _measure(self) -> None:
        while not self._ended.wait(_SAMPLE_S):
            self.peak_mib = max(self.peak_mib, self._rss_mib())

    def _rss_mib(self) -> int:
        resident: int = self._gateway.process.memory_info().rss
        return resident >> 20

    def _ask(self) -> None:
        url = f"http://{self._gateway.operators}/_slimgate/readyz"
        while not self._ended.wait(0.5):
            began = time.perf_counter()
            try:
                with urllib.request.urlopen(url, timeout=_READY_S) as answer:  # http
                    status = str(answer.status)
            except urllib.error.HTTPError as error:
                status = str(error.code)
            except OSError:
                status = "none"
            if status != "200":
                self.ready_status = status
            self.ready_ms = max(self.ready_ms, (time.perf_counter() - began) * 1e3)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if a server did not start.
    """
    options = _parser().parse_args(arguments)
    sys.stdout.write(f"{options.checkout}: milliseconds for a GET of 1 KiB\n{_HEADER}\n")
    try:
        with _store() as store:
            for name in options.attack or ATTACKS:
                with _gateway(
                    options.checkout.resolve(), store, tls=name.endswith(_TLS)
                ) as gateway:
                    sys.stdout.write(_line(name, *_measured(name, gateway, options.seconds)))
                    sys.stdout.flush()
    except StartFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.attacks", description=__doc__)
    parser.add_argument("attack", nargs="*", metavar="attack", help=", ".join(ATTACKS))
    parser.add_argument(
        "--checkout", type=Path, default=_HERE, help="checkout of the gateway, with its .venv"
    )
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="duration of each attack, seconds"
    )
    return parser


@contextmanager
def _store() -> Iterator[str]:
    def address(line: str) -> str | None:
        _, found, rest = line.partition(READY)
        return rest.strip() if found else None

    with Server([sys.executable, "-m", "bench.echo"], ready=address) as server:
        yield f"http://{server.address(_START_S)}"


@contextmanager
def _gateway(checkout: Path, store: str, *, tls: bool) -> Iterator[Gateway]:
    """Start a gateway with default settings."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slimgate-")))
        operators = f"127.0.0.1:{free_port()}"
        settings: dict[str, object] = {
            "listen": "127.0.0.1:0",
            "upstream": {"endpoint": store},
            "credentials": [{"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}],
            "policies": [_POLICY],
            "admin": {"listen": operators},
        }
        context = None
        if tls:
            context = _certified(folder, settings)
        file = folder / "slimgate.yaml"
        file.write_text(yaml.safe_dump(settings))
        python = str(checkout / ".venv" / "bin" / "python")
        # The default limit of open files on most systems; the gateway raises its own limit.
        inside = ["sh", "-c", 'ulimit -Sn 1024; cd "$0"; exec "$@"', str(checkout)]
        command = [*inside, python, "-m", "slimgate", "serve", "--config", str(file)]
        server = stack.enter_context(Server(command, ready=gateway_address))
        scheme = "https" if tls else "http"
        s3 = s3_client(f"{scheme}://{server.address(_START_S)}")
        url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": key_of(1024)})
        yield Gateway(url, operators, psutil.Process(server.process.pid), context)


def _certified(folder: Path, settings: dict[str, object]) -> ssl.SSLContext:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made.private_key_pem.write_to_path(str(key))
    certificate.write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
    settings["tls"] = {"certificate": str(certificate), "key": str(key)}
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def _measured(name: str, gateway: Gateway, seconds: float) -> tuple[WaitingTimes, Watch]:
    host, _, port = gateway.url.partition("://")[2].partition("/")[0].rpartition(":")
    target = Target(host, int(port), _LEAD_S + seconds)
    spawn = multiprocessing.get_context("spawn")
    with Watch(gateway) as watch:
        attacker = spawn.Process(target=attack_kinds.run, args=(name, target))
        attacker.start()
        try:
            time.sleep(_LEAD_S)
            waits = asyncio.run(get_for_a_while(gateway.url, seconds, gateway.context))
        finally:
            attacker.join(_LEAD_S + _START_S)
            attacker.kill()
    return waits, watch


def _line(name: str, waits: WaitingTimes, watch: Watch) -> str:
    failures = ", ".join(f"{count} {kind}" for kind, count in sorted(waits.failures.items()))
    return (
        f"{name:<17}{len(waits.seconds):>9}{waits.failures.total():>8}"
        f"{waits.median_ms:>9.1f}{waits.p99_ms:>9.1f}{waits.max_ms:>9.1f}"
        f"{watch.idle_mib:>10}{watch.peak_mib:>6}  {watch.ready_status}, {watch.ready_ms:.0f}"
        f"{'; ' if failures else ''}{failures}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
