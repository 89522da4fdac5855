"""Run a mixed load for minutes, and check for leaks: ``python -m bench.soak``."""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.soak_load import MANAGED, PLAIN, Load
from bench.soak_watch import Sample, Watch, slope
from tests.servers.ceph import missing_programs, rgw_server
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.moto import moto_server
from tests.servers.server import S3Server

_WARM_UP: Final = 0.3
"""Share of the time for caches, pools and allocators to fill up."""

_JUDGED_FROM_MINUTES: Final = 5.0
"""In less time, filling caches and allocators look like a leak."""

_MAX_OWN_SLOPE: Final = 1.0  # MiB per minute
_MAX_CHILDREN_SLOPE: Final = 8.0  # workers are replaced after 500 images each
_MAX_MORE_FILES: Final = 8
_MAX_MORE_TASKS: Final = 4
_SETTLE_S: Final = 60.0


class Report(NamedTuple):
    """Result of a run.

    Attributes:
        text: report for people.
        faults: all faults; empty if there are none.
    """

    text: str
    faults: list[str]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if something failed or leaked.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--store", choices=["moto", "rgw"], default="moto")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, _store(options, folder) as store:
        report = soak(store, Path(folder), options.minutes, options.connections)
    sys.stdout.write(report.text)
    return 1 if report.faults else 0


@contextlib.contextmanager
def _store(options: argparse.Namespace, folder: str) -> Iterator[S3Server]:
    if options.store == "rgw" and missing_programs():
        raise SystemExit(f"Ceph RGW is not installed: {', '.join(missing_programs())} missing")
    start = moto_server if options.store == "moto" else rgw_server
    (Path(folder) / "store").mkdir()
    with start(Path(folder) / "store") as server:
        yield server


def soak(store: S3Server, folder: Path, minutes: float, connections: int) -> Report:
    """Load a gateway.

    Args:
        store: store behind the gateway.
        folder: folder for its configuration.
        minutes: duration.
        connections: number of concurrent clients.
    """
    config = configuration(
        store,
        # Too small for the images of cold reads, so that each read restores.
        cache={"max_bytes": "96KiB"},
        limits={"keepalive_timeout_s": 5},
        admin={"listen": "127.0.0.1:0"},
    )
    # Timeouts of production, not the short ones of tests.
    config["upstream"] = {"endpoint": store.endpoint}
    with GatewayProcess(config, folder) as process, s3_client(store) as direct:
        for bucket in (MANAGED, PLAIN):
            direct.create_bucket(Bucket=bucket)
        with s3_client(store.at(process.endpoint)) as s3:
            load, watch = Load(s3), Watch(process)
            load.prepare()
            idle, left = asyncio.run(_soaked(load, watch, minutes, connections))
        uploads = [upload for bucket in (MANAGED, PLAIN) for upload in _uploads(direct, bucket)]
        unexpected = process.events("unexpected error")
        failed = process.events("refused", code="ServiceUnavailable")
    faults = [*load.tally.faults, *_leaks(watch.samples, idle, left, minutes)]
    faults += [f"left behind: a multipart upload of {key}" for key in uploads]
    faults += [f"unexpected error: {line.get('exception', '')}" for line in unexpected]
    faults += [f"the store failed: {reason}" for reason in {line.get("reason") for line in failed}]
    return Report(_text(load, watch.samples, (idle, left), faults), faults)


async def _soaked(
    load: Load, watch: Watch, minutes: float, connections: int
) -> tuple[Sample, Sample]:
    """Run the load; return samples of the idle gateway before and after."""
    await load.once()
    idle = await settled(watch, None)
    watching = asyncio.create_task(watch.run())
    ended = asyncio.Event()
    working = asyncio.create_task(load.run(connections, ended))
    await asyncio.wait({working, watching}, timeout=minutes * 60,
                       return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    ended.set()
    await working
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    return idle, await settled(watch, idle)


async def settled(watch: Watch, before: Sample | None) -> Sample:
    """Wait until clients and pools have closed their connections."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        now = await asyncio.to_thread(watch.look)
        calm = now.connections == 0 and (before is None or not more(before, now))
        if calm or time.monotonic() > deadline:
            return now
        await asyncio.sleep(0.5)


def more(before: Sample, after: Sample) -> list[str]:
    """Name what a gateway holds more of than before."""
    found = []
    if after.files > before.files + _MAX_MORE_FILES:
        found.append(f"leaked: {before.files} file descriptors before, {after.files} after")
    if after.tasks > before.tasks + _MAX_MORE_TASKS:
        found.append(f"leaked: {before.tasks} tasks before, {after.tasks} after")
    return found


def _leaks(samples: Sequence[Sample], idle: Sample, left: Sample, minutes: float) -> list[str]:
    leaks = more(idle, left)
    if left.connections:
        leaks.append(f"leaked: {left.connections} connections")
    if minutes >= _JUDGED_FROM_MINUTES:
        for field, most in (("own_mib", _MAX_OWN_SLOPE), ("children_mib", _MAX_CHILDREN_SLOPE)):
            steep = slope(_warm(samples), field)
            if steep > most:
                leaks.append(f"leaked: {field} grows by {steep:.2f} MiB per minute")
    return leaks


def _warm(samples: Sequence[Sample]) -> Sequence[Sample]:
    return samples[int(len(samples) * _WARM_UP) :]


def _uploads(client: Any, bucket: str) -> list[str]:
    return [each["Key"] for each in client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


def _text(
    load: Load, samples: Sequence[Sample], ends: tuple[Sample, Sample], faults: list[str]
) -> str:
    lines = [f"{kind:18} {status:28} {count:>8,}"
             for (kind, status), count in sorted(load.tally.answers.items())]  # fmt: skip
    lines += ["", "minute   gateway MiB   children MiB   files   tasks   connections"]
    step = max(1, len(samples) // 20)
    lines += [
        f"{(s.at_s - samples[0].at_s) / 60:6.1f}   {s.own_mib:11.1f}   {s.children_mib:12.1f}   "
        f"{s.files:5}   {s.tasks:5}   {s.connections:11}"
        for s in samples[::step]
    ]
    warm = _warm(samples)
    if len(warm) > 2:
        own, children = slope(warm, "own_mib"), slope(warm, "children_mib")
        lines += ["", (f"slope after warm-up: gateway {own:+.2f} MiB/min, "
                  f"all child processes {children:+.2f} MiB/min")]  # fmt: skip
    lines += [
        f"{what}: {s.files} files, {s.tasks} tasks, {s.connections} connections"
        for what, s in zip(("idle before", "idle after"), ends, strict=True)
    ]
    shown = faults[:20] or ["no fault, no leak"]
    return "\n".join([*lines, "", *shown, ""])


if __name__ == "__main__":
    sys.exit(main())
