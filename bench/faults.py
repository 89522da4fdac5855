"""Mixed requests while everything fails now and then: ``python -m bench.faults``.

Two gateways before one store, with Redis: connections are cut at any byte, the store refuses or is
slow, Redis stops, processes are killed and frozen, the disk and the memory of workers are full. In
the end every acknowledged write must be there, with the bytes that were served before, above its
floor; nothing may hang; and no request may fail later than ten seconds after a fault.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from bench import promises
from bench.fault_kinds import FAULTS
from bench.fault_load import PLAIN, Load
from bench.fault_model import Model
from bench.fault_requests import Failure
from bench.fault_stage import DEFERRED, MANAGED, Stage, stage
from bench.soak import more, settled
from bench.soak_watch import Sample, Watch
from tests.e2e import images
from tests.servers.ceph import missing_programs
from tests.servers.clients import s3_client

_WITHIN_S: Final = 10.0
_LASTS_S: Final = (0.5, 4.0)
_CALM_S: Final = _WITHIN_S + 1.0
_SHOWN: Final = 5
_WARM_UP: Final = 500
"""Operations before the first fault."""
_SIZES: Final = ((96, 80), (160, 120), (224, 160), (256, 192))


class Span(NamedTuple):
    """A fault: its kind, begin and end; seconds of the monotonic clock."""

    kind: str
    began: float
    ended: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if a promise was broken.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--operations", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=240.0, help="end earlier after these")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["rgw", "moto"], default="rgw")
    parser.add_argument("--only", action="append", choices=list(FAULTS), help="kinds of faults")
    options = parser.parse_args(arguments)
    if options.store == "rgw" and missing_programs():
        raise SystemExit(f"Ceph RGW is not installed: {', '.join(missing_programs())} missing")
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        return _run(options, Path(folder))


def _run(options: argparse.Namespace, folder: Path) -> int:
    model = Model(DEFERRED)
    files = {MANAGED: _images(), DEFERRED: _images(), PLAIN: _plain(options.seed)}
    began = time.monotonic()
    with ExitStack() as stack:
        moto = options.store == "moto"
        scene = stack.enter_context(stage(folder, options.seed, moto=moto))
        clients = [
            stack.enter_context(s3_client(scene.direct.at(each.endpoint)))
            for each in scene.gateways
        ]
        load = Load(clients, model, files, options.seed)
        spans, left = asyncio.run(_loaded(load, scene, options))
    model.faults.update(left)
    model.faults.update(_late(spans, load.tally.failures))
    _judge(model)
    _report(options, load, spans, time.monotonic() - began)
    return int(bool(model.faults))


async def _loaded(
    load: Load, scene: Stage, options: argparse.Namespace
) -> tuple[list[Span], list[str]]:
    """Send all operations while things fail, and read everything in the end.

    Returns:
        All faults, and what gateways still hold when no client is left.
    """
    await load.run(_WARM_UP, options.connections)  # pools fill up
    before = [Watch(gateway.life).look() for gateway in scene.gateways]
    ended, spans = threading.Event(), list[Span]()
    kinds = options.only or list(FAULTS)
    failing = asyncio.create_task(asyncio.to_thread(_fail, scene, kinds, ended, spans))
    showing = asyncio.create_task(_show(load, spans, options.operations))
    try:
        ending = asyncio.get_running_loop().call_later(options.minutes * 60, load.end)
        await load.run(options.operations, options.connections)
        ending.cancel()
    finally:
        ended.set()
        await failing
        showing.cancel()
    await asyncio.sleep(_WITHIN_S)
    await load.read_all(options.connections)
    return spans, await _left_behind(before, scene)


def _fail(scene: Stage, kinds: Sequence[str], ended: threading.Event, spans: list[Span]) -> None:
    """Let one thing after the other fail, with pauses in which all must be well again."""
    for kind in _turns(kinds, scene.random):
        if ended.wait(_CALM_S):
            return
        began = time.monotonic()
        with FAULTS[kind](scene):
            ended.wait(scene.random.uniform(*_LASTS_S))
        spans.append(Span(kind, began, time.monotonic()))


def _turns(kinds: Sequence[str], dice: random.Random) -> Iterator[str]:
    while True:
        yield from dice.sample(kinds, len(kinds))


async def _show(load: Load, spans: Sequence[Span], operations: int) -> None:
    while True:
        await asyncio.sleep(_CALM_S)
        last = spans[-1].kind if spans else "none yet"
        sys.stderr.write(
            f"{load.tally.done:,} of {operations:,} operations, "
            f"{len(load.tally.failures):,} failed, {len(spans)} faults, last: {last}\n"
        )


def _late(spans: Sequence[Span], failures: Sequence[Failure]) -> Iterator[str]:
    """Name requests that failed though they began more than ten seconds after any fault."""
    for failure in failures:
        if not any(_covers(span, failure) for span in spans):
            yield f"not back to normal: {failure.why}"


def _covers(span: Span, failure: Failure) -> bool:
    return span.began <= failure.ended and failure.began <= span.ended + _WITHIN_S


async def _left_behind(before: Sequence[Sample], scene: Stage) -> list[str]:
    """Name what gateways still hold when no client is left."""
    left = list[str]()
    for gateway, idle in zip(scene.gateways, before, strict=True):
        now = await settled(Watch(gateway.life), idle)
        left += more(idle, now)
        if now.connections:
            left.append(f"leaked: {now.connections} connections")
    return left


def _judge(model: Model) -> None:
    """Compare every distinct served file with its upload."""
    for upload, files in model.served.items():
        for file in files.values():
            if why := promises.broken(upload, file, "recode", images.FLOOR_SCORE):
                model.faults[f"altered: {why}"] += 1


def _report(options: argparse.Namespace, load: Load, spans: Sequence[Span], seconds: float) -> None:
    model, tally = load.model, load.tally
    lines = [f"{'operation':12}{'outcome':28}{'count':>9}"]
    lines += [
        f"{kind:12}{how:28}{count:>9,}" for (kind, how), count in sorted(tally.outcomes.items())
    ]
    lines += ["", f"{'fault':36}{'times':>6}{'failed':>8}{'last failure after its end':>28}"]
    lines += [_line(kind, spans, tally.failures) for kind in FAULTS]
    distinct = Counter(len(files) for files in model.served.values())
    lines += [
        "",
        f"{tally.done:,} operations in {seconds / 60:.1f} minutes, seed {options.seed}",
        f"{len(spans)} faults, {len(tally.failures):,} requests failed",
        f"{len(model.retired):,} writes in doubt",
        f"distinct files served per upload: {dict(sorted(distinct.items()))}",
        f"promises broken: {sum(model.faults.values())}",
    ]
    lines += _examples(model.faults)
    sys.stdout.write("\n".join(lines) + "\n")


def _examples(faults: Counter[str]) -> Iterator[str]:
    """Show the number of each kind of fault, and the most frequent of each."""
    kinds = defaultdict[str, list[str]](list)
    for what, _ in faults.most_common():
        kinds[":".join(what.split(":")[:2])].append(what)
    for kind, found in kinds.items():
        yield f"{sum(faults[what] for what in found):>6} {kind}"
        yield from (f"{'':8}{faults[what]} times {what}" for what in found[:_SHOWN])


def _line(kind: str, spans: Sequence[Span], failures: Sequence[Failure]) -> str:
    mine = [span for span in spans if span.kind == kind]
    after = [
        max(0.0, failure.began - span.ended)
        for span in mine
        for failure in failures
        if _covers(span, failure)
    ]
    last = f"{max(after):.1f} s" if after else "none"
    return f"{kind:36}{len(mine):>6}{len(after):>8}{last:>28}"


def _images() -> list[bytes]:
    """Return images of different lengths that a policy stores smaller."""
    files = [images.jpeg(w, h, q) for w, h in _SIZES for q in (86, 95)]
    files += [images.saved(images.photo(w, h), "PNG") for w, h in _SIZES[:2]]
    files += [images.saved(images.photo(160, 120), "WEBP", quality=95)]
    if len({len(file) for file in files}) < len(files):
        raise AssertionError("two images have the same length")
    return files


def _plain(seed: int) -> list[bytes]:
    dice = random.Random(seed)
    return [dice.randbytes(length) for length in (0, 1, 1000, 4096, 20_000, 100_000, 1 << 20)]


if __name__ == "__main__":
    sys.exit(main())
