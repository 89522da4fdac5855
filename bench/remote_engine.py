"""Compare engines on other machines with one on this machine: ``python -m bench.remote_engine``.

It asks the engine's process as workers do: one with networks in it (local), and those that send
images to ``slimgate engine serve`` (remote) and to Ray Serve (ray, where it is installed). All are
on loopback.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from bench.engine_ways import CLIENTS, LEVEL, TILE, X2, Way, load, picture
from slimgate import models
from slimgate.config import Engine, RemoteEngines
from slimgate.gateway.workers.engine_process import EngineProcess
from slimgate.models import EngineStatus
from slimgate.models.engine.remote import RemoteRestorer
from slimgate.models.registry.native import CARDS
from tests.servers.engine import EngineServer, engine_server
from tests.servers.ray_serve import missing, ray_serve

_TOKEN: Final = "token-of-the-bench"
_SIDES: Final = {"512x512": (256, 256), "12 MP": (1500, 2000)}
"""Height and width of small images, by the size of the result."""

_BATCH: Final = 8


def bits(ways: Sequence[Way]) -> list[str]:
    """Compare the bits of every native network with those of the first way."""
    lines = []
    for card in CARDS:
        (scale,) = card.scales
        images = [picture(97, 131, 3), picture(64, 200), picture(300, 140, 3, seed=1)]
        expected = [ways[0].enlarge(card.hash, each, scale) for each in images]
        for way in ways[1:]:
            found = [way.enlarge(card.hash, each, scale) for each in images]
            same = sum(map(np.array_equal, expected, found))
            lines.append(f"{card.name:13} {way.name:7} {same} of {len(images)} images equal")
    return lines


def times(ways: Sequence[Way], rounds: dict[str, int]) -> list[str]:
    """Time one image at a time, in turn on each way."""
    lines = []
    for name, (height, width) in _SIDES.items():
        small = picture(height, width, 3)
        spent: dict[str, list[float]] = {way.name: [] for way in ways}
        with ExitStack() as stack:
            open_ = [(way, stack.enter_context(way.connected())) for way in ways]
            for number in range(rounds[name] + 1):
                for way, remote in open_:
                    started = time.perf_counter()
                    RemoteRestorer(remote, X2).upscale(small, 2, level=LEVEL)
                    if number:  # the first round warms up
                        spent[way.name].append(time.perf_counter() - started)
        first = median(spent[ways[0].name])
        for way in ways:
            middle = median(spent[way.name])
            pairs = zip(spent[way.name], spent[ways[0].name], strict=True)
            paired = median(mine - local for mine, local in pairs)
            lines.append(
                f"{name:8} {way.name:7} median {middle * 1e3:7.1f} ms  fastest "
                f"{min(spent[way.name]) * 1e3:7.1f}  median difference to {ways[0].name} "
                f"{paired * 1e3:+7.1f} ms ({middle / first:.2f}x), {rounds[name]} rounds"
            )
    return lines


def fill(server: EngineServer, before: tuple[float, float]) -> tuple[float, float]:
    """Return tiles and slots since an earlier look."""
    tiles = server.metric("slimgate_engine_tiles_total")
    slots = server.metric("slimgate_engine_batch_slots_total")
    return tiles - before[0], slots - before[1]


async def run(rounds: dict[str, int], seconds: float, *, with_ray: bool) -> None:
    """Print all tables."""
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
    engine = {"threads": 1, "max_batch": 2}
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        local = await stack.enter_async_context(EngineProcess(Engine(threads=1, max_batch=2), [X2]))
        server = stack.enter_context(engine_server(folder, _TOKEN, "--max-batch", "2"))
        ways = [Way("local", local.address), await _relay(stack, "remote", server.url)]
        if with_ray:
            ray = await asyncio.to_thread(stack.enter_context, ray_serve(folder, _TOKEN, engine))
            ways.append(await _relay(stack, "ray", ray.url))
        _print("Bits", await asyncio.to_thread(bits, ways))
        _print("Time of one image, threads 1", await asyncio.to_thread(times, ways, rounds))
    await _fills(seconds)
    await _kill(seconds)
    print(f"load average at the end {os.getloadavg()[0]:.1f}")


async def _relay(stack: contextlib.AsyncExitStack, name: str, *urls: str) -> Way:
    remote = RemoteEngines.model_validate({"urls": list(urls), "token": _TOKEN})
    process = EngineProcess(Engine(backend="remote", remote=remote), [X2])
    return Way(name, (await stack.enter_async_context(process)).address)


async def _fills(seconds: float) -> None:
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(engine_server(folder, _TOKEN, "--max-batch", str(_BATCH)))
        way = await _relay(stack, "remote", server.url)
        await asyncio.to_thread(way.enlarge, X2, picture(TILE, TILE, 3), 2)
        before = fill(server, (0, 0))
        found = await asyncio.to_thread(load, way, seconds)
        tiles, slots = fill(server, before)
        line = (
            f"{CLIENTS} clients, images of one tile, at most {_BATCH} tiles a batch: "
            f"{found.done} images, fill {tiles / slots:.3f}, {found.wrong} wrong, {found.busy} busy"
        )
        _print("Batches", [line])


async def _kill(seconds: float) -> None:
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [stack.enter_context(engine_server(folder, _TOKEN)) for _ in range(2)]
        way = await _relay(stack, "remote", *(each.url for each in servers))
        found = await asyncio.to_thread(load, way, seconds, servers[0].process.kill)
        status = await models.engine_status(way.address) or EngineStatus()
        line = (
            f"{found.done} images right, {found.wrong} wrong, {found.busy} busy (503), "
            f"{len(found.failures)} failed; slowest {found.slowest * 1e3:.0f} ms; "
            f"attempts {dict(status.attempts)}"
        )
        _print(f"Two engines, one killed under {CLIENTS} clients", [line, *found.failures[:3]])


def _print(title: str, lines: Sequence[str]) -> None:
    print(f"\n{title}")
    print("\n".join(lines), flush=True)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.remote_engine", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="images of 512x512 (default: 40)")
    parser.add_argument("--large", type=int, default=5, help="images of 12 MP (default: 5)")
    parser.add_argument("--seconds", type=float, default=15.0, help="time under load (default: 15)")
    options = parser.parse_args()
    rounds = {"512x512": options.rounds, "12 MP": options.large}
    asyncio.run(run(rounds, options.seconds, with_ray=not missing()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
