"""Compare one node of a Ray cluster with two: ``python -m bench.job_nodes``.

Both nodes have one CPU, are bound to a core each, and optimize images of Ceph RGW, which runs on
the same cores. Runs alternate. A rate is that of the middle of a run, without start and end.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from bench.job_stage import Stage
from tests.servers.ceph import missing_programs, rgw_server
from tests.servers.clients import s3_client
from tests.servers.ray_cluster import RayCluster, missing, ray_cluster
from tests.servers.server import S3Server

_SIDE: Final = 256
_CORNERS: Final = 24
_PER_SHARD: Final = 10
_MIDDLE: Final = (0.4, 0.9)
"""Part of the objects of a run, by the time of their renditions, that counts: before it, workers
begin one after the other, which takes seconds on a busy machine."""

_STORE: Final = ("ceph-mon", "ceph-mgr", "ceph-osd", "radosgw")


class Measured(NamedTuple):
    """A run.

    Attributes:
        workers: Number of workers, each on a node of its own.
        rate: Objects a second.
        store_s: Seconds of a core that the store took for an object.
    """

    workers: int
    rate: float
    store_s: float


def main() -> int:
    """Run the command line.

    Returns:
        0; 1 if a program is missing.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.job_nodes", description=__doc__)
    parser.add_argument("--objects", type=int, default=300, help="objects per run")
    parser.add_argument("--runs", type=int, default=3, help="runs with one node, and with two")
    options = parser.parse_args()
    if missing() or missing_programs():
        sys.stderr.write(f"missing: {'Ray ' if missing() else ''}{' '.join(missing_programs())}\n")
        return 1
    runs: list[Measured] = []
    with _setting() as (server, direct, cluster, folder):
        for number in range(2 * options.runs):
            directory = folder / str(number)
            directory.mkdir()
            names = (f"photos-{number}", f"jobs-{number}")
            stage = Stage(direct, directory, *names, _SIDE, _PER_SHARD, _CORNERS)
            stage.prepare(server, options.objects)
            runs.append(_measured(stage, cluster, 1 + number % 2))
            sys.stdout.write(_line(runs[-1]))
            sys.stdout.flush()
    sys.stdout.write(_summary(runs))
    return 0


@contextmanager
def _setting() -> Iterator[tuple[S3Server, Any, RayCluster, Path]]:
    """Start a store and a cluster; yield both, a client of the store, and a folder."""
    folder = Path(tempfile.mkdtemp(prefix="nodes-"))
    (folder / "rgw").mkdir()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(rgw_server(folder / "rgw"))
        direct = stack.enter_context(s3_client(server, max_pool_connections=8))
        cluster = stack.enter_context(ray_cluster(folder))
        cluster.pin_nodes()
        yield server, direct, cluster, folder


def _measured(stage: Stage, cluster: RayCluster, workers: int) -> Measured:
    """Run a job with so many workers."""
    job, objects = stage.plan("all"), len(stage.uploads)
    before = _store_s(stage.directory.parent)
    stage.run(
        "run", job, "--do", "optimize", "--runner", "ray", "--ray-address", cluster.address,
        "--workers", str(workers),
    )  # fmt: skip
    store_s = (_store_s(stage.directory.parent) - before) / objects
    times = sorted(stage.times())
    first, last = (int(share * (len(times) - 1)) for share in _MIDDLE)
    return Measured(workers, (last - first) / (times[last] - times[first]), store_s)


def _store_s(folder: Path) -> float:
    """Return the processor time of the store whose files are in a folder, seconds."""
    spent = 0.0
    for each in psutil.process_iter(["name", "cmdline", "cpu_times"]):
        if each.info["name"] in _STORE and str(folder) in " ".join(each.info["cmdline"] or ()):
            spent += each.info["cpu_times"].user + each.info["cpu_times"].system
    return spent


def _line(run: Measured) -> str:
    rate, store_ms = f"{run.rate:.2f} objects/s", f"{1e3 * run.store_s:.0f} ms"
    return (
        f"{run.workers} node{'s' * (run.workers > 1):<2}{rate:>18}   store {store_ms} an object\n"
    )


def _summary(runs: Sequence[Measured]) -> str:
    one, two = (max(run.rate for run in runs if run.workers == workers) for workers in (1, 2))
    return f"best of {len(runs) // 2} runs each: {two / one:.2f} times as many objects a second\n"


if __name__ == "__main__":
    sys.exit(main())
