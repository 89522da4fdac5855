"""A Ray cluster on this machine: nodes of one CPU that can be killed one by one.

The cluster lives in a process of its own, ``python -m tests.servers.ray_cluster``, which obeys
lines on its standard input: Ray installs signal handlers, and leaves warnings behind.
"""

import contextlib
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

_STORE_BYTES: Final = 80 << 20
"""Object store of a node: nothing but numbers goes there."""

_SETTINGS: Final = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
"""Notice the death of a node within seconds instead of half a minute."""

_ANSWER_S: Final = 180.0
_STOP_S: Final = 20.0


class RayCluster:
    """Talk to the process of a cluster.

    Attributes:
        address: Address for drivers.

    Args:
        process: The process.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.address: str = self._answer()["address"]

    def add_node(self) -> None:
        """Add a node of one CPU."""
        self._ask("add")

    def pin_nodes(self) -> None:
        """Let each node run on a core of its own, as if it had no other."""
        self._ask("pin")

    def kill_node(self) -> None:
        """Kill the raylet of the oldest node of one CPU; its workers may survive it for a while."""
        self._ask("kill")

    def workers(self) -> list[psutil.Process]:
        """Return the processes in which actors run now."""
        found = []
        for each in psutil.process_iter(["cmdline"]):
            words = each.info["cmdline"]
            if words and words[0].startswith("ray::ShardActor"):
                found.append(each)
        return found

    def close(self) -> None:
        """End all nodes."""
        with contextlib.suppress(BrokenPipeError):
            self._ask("end")

    def _ask(self, word: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        # On a busy machine a node may take as long as this; what takes longer never comes.
        guard = threading.Timer(_ANSWER_S, self._process.kill)
        guard.start()
        line = self._process.stdout.readline()
        guard.cancel()
        if not line:
            raise RuntimeError("the Ray cluster has ended: see its log")
        answer: dict[str, Any] = json.loads(line)
        return answer


def missing() -> bool:
    """Return whether Ray is not installed."""
    return importlib.util.find_spec("ray") is None


@contextmanager
def ray_cluster(directory: Path, nodes: int = 2) -> Iterator[RayCluster]:
    """Run a head without CPUs and nodes of one CPU for a while.

    Args:
        directory: Folder for the log.
        nodes: Nodes beside the head.
    """
    command = [sys.executable, "-m", "tests.servers.ray_cluster", str(nodes)]
    environ = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
    with (directory / "ray.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environ,
        )
    try:
        cluster = RayCluster(process)
        yield cluster
        cluster.close()
    finally:
        process.terminate()
        process.wait(_STOP_S)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


class _Nodes:
    """The nodes, within the process of the cluster."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster  # noqa: PLC0415  # may be missing

        self.cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": _STORE_BYTES,
                "include_dashboard": False,
                "_system_config": _SETTINGS,
            },
        )
        self._nodes: list[Any] = []
        self._left: list[psutil.Process] = []

    def add(self) -> None:
        """Add a node."""
        self._nodes.append(self.cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES))

    def pin(self) -> None:
        """Bind each node, with all that it has started and will start, to one core."""
        cores = sorted(os.sched_getaffinity(0))
        for node, core in zip(self._nodes, itertools.cycle(cores), strict=False):
            raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
            for each in (raylet, *raylet.children(recursive=True)):
                each.cpu_affinity([core])

    def kill(self) -> None:
        """Kill a raylet with SIGKILL, and remember what it leaves behind."""
        raylet = psutil.Process(self._nodes.pop(0).all_processes["raylet"][0].process.pid)
        self._left += raylet.children(recursive=True)
        raylet.kill()

    def end(self) -> None:
        """End all nodes, and what killed ones have left behind."""
        self.cluster.shutdown()
        for each in self._left:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


def main() -> None:
    """Start nodes, then obey until ``end``."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Ray prints, too
    nodes = _Nodes()
    for _ in range(int(sys.argv[1])):
        nodes.add()
    _say(answers, address=nodes.cluster.address)
    for line in sys.stdin:
        getattr(nodes, line.strip())()
        _say(answers)
        if line.strip() == "end":
            break


def _say(answers: Any, **values: str) -> None:
    answers.write(f"{json.dumps(values)}\n")
    answers.flush()


if __name__ == "__main__":
    main()
