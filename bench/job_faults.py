"""Optimize a bucket on a Ray cluster while things fail: ``python -m bench.job_faults``.

Two nodes of one CPU work on a bucket of Ceph RGW. Meanwhile workers, a raylet and the driver get
SIGKILL, workers also between the write of an object and its record; some requests get 503; another
client overwrites objects; a shard is torn, and its objects are planned anew. In the end every
object must be the one rendition of its last upload, or that upload where another client came later.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from bench.job_findings import Findings, is_replacement, judged
from bench.job_stage import Stage, other_client
from tests.servers.ceph import missing_programs, rgw_server
from tests.servers.clients import s3_client
from tests.servers.faulty import FaultyStore, Passed, faulty
from tests.servers.ray_cluster import RayCluster, missing, ray_cluster
from tests.servers.server import S3Server, wait_until

_SIDE: Final = 48
_SHARE_OF_503: Final = 0.002
_TORN: Final = 1
"""Number of the shard that is torn."""

_TAKEOVER_S: Final = 8
_IN_FLIGHT: Final = 2
"""Objects that a worker has in flight; the driver takes two workers along."""

_TIMEOUT_S: Final = 3600.0

Schedule = Sequence[tuple[float, str]]
"""Shares of the objects that are done, and what happens then."""

_SCHEDULE: Final[Schedule] = (
    (0.05, "fail_requests"),
    (0.10, "kill_worker"),
    (0.20, "kill_between"),
    (0.30, "kill_node"),
    (0.45, "kill_between"),
    (0.55, "kill_driver"),
    (0.70, "kill_between"),
    (0.80, "kill_worker"),
)


@dataclass
class Faults:
    """A job, and what can be done to it while it runs.

    Attributes:
        stage: Its bucket.
        job: Its address.
        store: The store as the job sees it.
        cluster: Where it runs.
        happened: Number of each fault.
    """

    stage: Stage
    job: str
    store: FaultyStore
    cluster: RayCluster
    happened: Counter[str] = field(default_factory=Counter)
    _seen: int = 0
    _replaced: int = 0

    def start(self) -> None:
        """Start a driver."""
        ray = ("--runner", "ray", "--ray-address", self.cluster.address)
        takeover = ("--takeover-after-s", str(_TAKEOVER_S))
        self.driver = self.stage.start("run", self.job, "--do", "optimize", *takeover, *ray)

    def kill_worker(self) -> None:
        """Kill a process that works on shards."""
        wait_until(lambda: bool(self.cluster.workers()), "a worker", _TIMEOUT_S)
        self.cluster.workers()[0].kill()
        self.happened["worker killed"] += 1

    def kill_between(self) -> None:
        """Kill the worker that replaces the next object, before it knows that it has."""
        self.store.kill_client(self.is_replacement)
        self.happened["worker killed between write and record"] += 1

    def kill_node(self) -> None:
        """Kill the raylet of a node, and add another node."""
        self.cluster.kill_node()
        self.cluster.add_node()
        self.happened["raylet killed"] += 1

    def kill_driver(self) -> None:
        """Kill the driver, and start another one."""
        self.driver.kill()
        self.driver.wait()
        self.start()
        self.happened["driver killed"] += 1

    def fail_requests(self) -> None:
        """Answer some requests with 503 from now on."""
        self.store.share = _SHARE_OF_503

    def tear(self) -> None:
        """Cut a shard short."""
        name = {"Bucket": self.stage.jobs, "Key": f"all/shards/{_TORN:08}.jsonl.zst"}
        whole: bytes = self.stage.direct.get_object(**name)["Body"].read()
        self.stage.direct.put_object(**name, Body=whole[: len(whole) // 2])
        self.happened["shard torn"] += 1

    @property
    def in_flight(self) -> int:
        """Return how many objects at most were in flight when processes were killed."""
        each = {"driver killed": 2 * _IN_FLIGHT}
        killed = {name: count for name, count in self.happened.items() if "killed" in name}
        return sum(count * each.get(name, _IN_FLIGHT) for name, count in killed.items())

    def is_replacement(self, passed: Passed) -> bool:
        """Return whether a request has replaced an object by its rendition."""
        return is_replacement(passed, self.stage.photos)

    def has_replaced(self, objects: float) -> bool:
        """Return whether so many objects were replaced by renditions."""
        end = len(self.store.passed)
        self._replaced += sum(map(self.is_replacement, self.store.passed[self._seen : end]))
        self._seen = end
        return self._replaced >= objects


def work_through(faults: Faults, schedule: Schedule, pause_s: float) -> Findings:
    """Run a job while things fail, then another one on the objects of the torn shard.

    Args:
        faults: The job.
        schedule: What happens when.
        pause_s: Time between two writes of the other client, seconds.
    """
    stage, objects = faults.stage, len(faults.stage.uploads)
    faults.tear()
    faults.start()
    with other_client(stage, pause_s) as overwritten:
        for share, fault in schedule:
            goal = share * objects
            wait_until(partial(faults.has_replaced, goal), f"{share:.0%}", _TIMEOUT_S)
            getattr(faults, fault)()
        code = faults.driver.wait(_TIMEOUT_S)
    faults.happened["objects overwritten"] = len(overwritten)
    faults.happened["requests answered with 503"] = sum(p.injected for p in faults.store.passed)
    if code != 1:
        raise AssertionError(f"with a torn shard, job run ended with {code}: see driver.log")
    faults.store.share = 0.0
    rest = stage.plan("rest", f"{_TORN:04}/")
    stage.run("run", rest, "--do", "optimize")
    return judged(faults.store.passed, stage.photos, stage.uploads, stage.etags())


@contextmanager
def setting(server: S3Server, directory: Path, objects: int, per_shard: int) -> Iterator[Faults]:
    """Fill a bucket, plan a job on it, and start a cluster.

    Args:
        server: The store.
        directory: For files.
        objects: Number of objects.
        per_shard: Objects in a shard.
    """
    with ExitStack() as stack:
        store, shown = stack.enter_context(faulty(server))
        direct = stack.enter_context(s3_client(server, max_pool_connections=8))
        stage = Stage(direct, directory, "photos-faults", "jobs-faults", _SIDE, per_shard)
        stage.prepare(shown, objects)
        job = stage.plan("all")
        yield Faults(stage, job, store, stack.enter_context(ray_cluster(directory)))


def main() -> int:
    """Run the command line.

    Returns:
        0; 1 if an object is not as it must be, or a program is missing.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.job_faults", description=__doc__)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--per-shard", type=int, default=250, help="objects in a shard")
    parser.add_argument("--pause-ms", type=float, default=500, help="between two foreign writes")
    options = parser.parse_args()
    if missing() or missing_programs():
        sys.stderr.write(f"missing: {'Ray ' if missing() else ''}{' '.join(missing_programs())}\n")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    (folder / "rgw").mkdir()
    try:
        with (
            rgw_server(folder / "rgw") as server,
            setting(server, folder, options.objects, options.per_shard) as faults,
        ):
            began = time.monotonic()
            findings = work_through(faults, _SCHEDULE, options.pause_ms / 1e3)
            sys.stdout.write(table(faults, findings, time.monotonic() - began))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if findings.wrong else 0


def table(faults: Faults, findings: Findings, seconds: float) -> str:
    """Return what happened and what came of it."""
    rows = {
        "objects": len(faults.stage.uploads),
        **faults.happened,
        "exactly one rendition of the last upload": findings.managed,
        "the other client's last upload, written after the job": findings.theirs,
        "lost, or anything else": len(findings.wrong),
        **{f"read once more {cause}": count for cause, count in findings.repeats.items()},
        "in flight at all kills together, at most": faults.in_flight,
        "seconds": round(seconds),
    }
    lines = [f"{name:<56}{count:>8,}\n" for name, count in rows.items()]
    lines += [f"{key}: {reason}\n" for key, reason in list(findings.wrong.items())[:20]]
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
