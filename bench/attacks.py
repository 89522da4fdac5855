"""Measure how long other clients wait while a gateway is attacked: ``python -m bench.attacks``.

A store without costs, a gateway, an attacker at 127.0.0.1 and a client at 127.0.0.2 that requests
objects of 1 KiB. The gateway may come from another checkout, to compare versions.
"""

import argparse
import asyncio
import multiprocessing
import sys
import threading
import time
import urllib.error
import urllib.request
from itertools import count
from pathlib import Path
from typing import Final

from bench import attack_kinds
from bench.attack_client import WaitingTimes, get_for_a_while
from bench.attack_kinds import ATTACKS
from bench.attack_stage import Gateway, gateway, stores
from bench.attack_target import Target
from slimgate.eval.demo.processes import StartFailed
from tests.e2e.memory_watch import pss

_HERE: Final = Path(__file__).parents[1]
_START_S: Final = 60.0
_LEAD_S: Final = 1.0
"""Delay before measuring, for the attack to start."""

_SAMPLE_S: Final = 0.05
_SAMPLES_OF_ALL: Final = 8
"""Samples of one process for one of all, which takes milliseconds."""

_READY_S: Final = 10.0
_HEADER: Final = (
    f"{'attack':<17}{'requests':>9}{'failed':>8}{'median':>9}{'p99':>9}{'max':>9}"
    f"{'MiB idle':>10}{'peak':>6}{'all':>6}{'bound':>7}  readyz: worst status, ms; failures"
)


class Watch:
    """Monitors memory and readiness of a gateway within a ``with`` block.

    Args:
        attacked: gateway to monitor.
    """

    def __init__(self, attacked: Gateway) -> None:
        self._gateway = attacked
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._measure, self._ask)]
        self.idle_mib = self._rss_mib()
        self.peak_mib = self.idle_mib
        self.all_mib = 0
        self.bound_mib = attacked.memory >> 20
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
        for sample in count():
            if self._ended.wait(_SAMPLE_S):
                return
            self.peak_mib = max(self.peak_mib, self._rss_mib())
            if sample % _SAMPLES_OF_ALL == 0:
                pids = [self._gateway.process.pid, *self._children()]
                self.all_mib = max(self.all_mib, sum(map(pss, pids)) >> 20)

    def _children(self) -> list[int]:
        return [each.pid for each in self._gateway.process.children(recursive=True)]

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
        with stores() as behind:
            for name in options.attack or ATTACKS:
                with gateway(options.checkout.resolve(), behind, name) as attacked:
                    sys.stdout.write(_line(name, *_measured(name, attacked, options.seconds)))
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


def _measured(name: str, attacked: Gateway, seconds: float) -> tuple[WaitingTimes, Watch]:
    address = _address(attacked.url.partition("://")[2].partition("/")[0])
    operators = _address(attacked.operators)
    lasting_s = _LEAD_S + seconds
    target = Target(address, operators, attacked.upload, attacked.redis, lasting_s)
    spawn = multiprocessing.get_context("spawn")
    with Watch(attacked) as watch:
        attacker = spawn.Process(target=attack_kinds.run, args=(name, target))
        attacker.start()
        try:
            time.sleep(_LEAD_S)
            waits = asyncio.run(get_for_a_while(attacked.url, seconds, attacked.context))
        finally:
            attacker.join(_LEAD_S + _START_S)
            attacker.kill()
    return waits, watch


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _line(name: str, waits: WaitingTimes, watch: Watch) -> str:
    failures = ", ".join(f"{count} {kind}" for kind, count in sorted(waits.failures.items()))
    return (
        f"{name:<17}{len(waits.seconds):>9}{waits.failures.total():>8}"
        f"{waits.median_ms:>9.1f}{waits.p99_ms:>9.1f}{waits.max_ms:>9.1f}"
        f"{watch.idle_mib:>10}{watch.peak_mib:>6}{watch.all_mib:>6}{watch.bound_mib:>7}"
        f"  {watch.ready_status}, {watch.ready_ms:.0f}"
        f"{'; ' if failures else ''}{failures}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
