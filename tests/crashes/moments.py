"""What is ended, and when: each function tries one moment, given as a share of the whole work."""

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from tests.crashes.stage import FILES, Broken, Stage, same_image
from tests.e2e import images
from tests.servers.server import wait_until

Moment = Callable[[Stage, float], None]
"""Raises ``Broken`` when an object is neither as it was nor completely new."""

_KEY: Final = "k.jpg"
_OLD, _NEW = images.jpeg(160, 128), images.jpeg(192, 160)
_WORK_S: Final = 0.1
"""How long a worker is at such an image, at least."""


class _Killed(Exception):
    """The gateway was killed, and need not end in order."""


def optimize_killed(stage: Stage, share: float) -> None:
    """Kill a job that optimizes, and run it again."""
    bucket = _filled(stage, "optimize")
    _kill_and_resume(stage, "optimize", bucket, share)
    stored = stage.sizes(bucket)
    if any(stored[key] >= len(body) for key, body in FILES.items()):
        raise Broken(f"after another run not everything is small: {stored}")


def drain_killed(stage: Stage, share: float) -> None:
    """Kill a job that drains, and run it again."""
    bucket = _filled(stage, "drain")
    served = {key: stage.served(bucket, key) for key in FILES}
    _kill_and_resume(stage, "drain", bucket, share)
    if served != {key: stage.served(bucket, key) for key in FILES}:
        raise Broken("what is served is not what was served before")
    if stage.sizes(bucket) != {key: len(body) for key, body in FILES.items()}:
        raise Broken("after another run not everything has its full size")


def optimize_without_worker(stage: Stage, share: float) -> None:
    """Kill the worker of a job that optimizes, and break its connections off."""
    _disturbed(stage, "optimize", share, kill=True)


def optimize_cut_off(stage: Stage, share: float) -> None:
    """Break the connections of a job that optimizes to the store off."""
    _disturbed(stage, "optimize", share, kill=False)


def drain_without_worker(stage: Stage, share: float) -> None:
    """Kill the worker of a job that drains, and break its connections off."""
    _disturbed(stage, "drain", share, kill=True)


def drain_cut_off(stage: Stage, share: float) -> None:
    """Break the connections of a job that drains to the store off."""
    _disturbed(stage, "drain", share, kill=False)


def put_cut_off(stage: Stage, share: float) -> None:
    """Break the gateway's connections to the store off in the middle of a PUT."""
    _replaced(stage, stage.victim_client, lambda: stage.proxy.arm(_put_bytes(stage, share)))


def put_killed(stage: Stage, share: float) -> None:
    """Kill the gateway in the middle of a PUT."""
    after = _put_bytes(stage, share)
    with contextlib.suppress(_Killed), stage.gateway() as (process, client):
        _replaced(stage, client, lambda: stage.proxy.arm(after, process.process.kill))
        process.process.kill()
        raise _Killed


def put_without_worker(stage: Stage, share: float) -> None:
    """Kill the gateway's worker in the middle of a PUT, which succeeds all the same."""
    with stage.gateway() as (process, client), ThreadPoolExecutor(1) as thread:
        pid = process.process.pid
        # The first one starts the worker.
        stage.put(client, stage.bucket(), _KEY, _OLD, "old")
        if not _replaced(stage, client, lambda: thread.submit(_kill_at_work, pid, share)):
            raise Broken("a PUT failed for want of a worker")


MOMENTS: Final[Mapping[str, Moment]] = {
    "optimize killed": optimize_killed,
    "drain killed": drain_killed,
    "optimize without worker": optimize_without_worker,
    "optimize cut off": optimize_cut_off,
    "drain without worker": drain_without_worker,
    "drain cut off": drain_cut_off,
    "PUT cut off": put_cut_off,
    "PUT, gateway killed": put_killed,
    "PUT without worker": put_without_worker,
}


def _filled(stage: Stage, tool: str) -> str:
    """Make a bucket with something to do for a tool."""
    bucket = stage.bucket()
    for key, body in FILES.items():
        stage.put(stage.reader if tool == "drain" else stage.direct, bucket, key, body, "owner")
    return bucket


def _kill_and_resume(stage: Stage, name: str, bucket: str, share: float) -> None:
    traffic, words = _tool_traffic(stage, name), _job(stage, name, bucket)
    tool = stage.tool.start(*words)
    stage.proxy.arm(int(share * traffic), tool.kill)
    tool.wait()
    stage.proxy.disarm()
    _check_files(stage, bucket)
    done = stage.tool.run(*words)
    if done.returncode:
        raise Broken(f"another run ends with {done.returncode}: {done.stdout}{done.stderr}")
    _check_files(stage, bucket)


def _disturbed(stage: Stage, name: str, share: float, *, kill: bool) -> None:
    """Let a tool lose its connections in the middle, and its workers too if they are killed."""
    bucket = _filled(stage, name)
    traffic = _tool_traffic(stage, name)
    tool = stage.tool.start(*_job(stage, name, bucket))
    stage.proxy.arm(int(share * traffic), lambda: _kill_workers(tool.pid if kill else None))
    code = tool.wait()
    stage.proxy.disarm()
    _check_files(stage, bucket)
    if code not in {0, 1}:
        raise Broken(f"the tool ends with {code}")


def _job(stage: Stage, name: str, bucket: str) -> list[str]:
    """Plan a job, and return the command that runs it."""
    return ["job", "run", stage.tool.plan(f"s3://{bucket}", "--all-keys"), "--do", name]


def _check_files(stage: Stage, bucket: str) -> None:
    if set(stage.sizes(bucket)) != set(FILES):
        raise Broken("there are other objects than before")
    for key, body in FILES.items():
        served, by = stage.served(bucket, key)
        if by != "owner" or not same_image(body, served):
            raise Broken(f"{key} is neither the upload nor restored from it")


def _replaced(stage: Stage, client: Any, disturb: Callable[[], object]) -> bool:
    """Overwrite an object while something happens; return whether the response was a success."""
    bucket = stage.bucket()
    # Every other time what is replaced is a rendition.
    writer = stage.reader if stage.is_odd() else stage.direct
    stage.put(writer, bucket, _KEY, _OLD, "old")
    before = stage.served(bucket, _KEY)
    disturb()
    told = True
    try:
        stage.put(client, bucket, _KEY, _NEW, "new")
    except (BotoCoreError, ClientError):
        told = False
    stage.proxy.disarm()
    after = stage.served(bucket, _KEY)
    if after[1] == "old" and (told or after != before):
        raise Broken("an upload was confirmed and lost, or has damaged what was there")
    if after[1] == "new" and not same_image(_NEW, after[0]):
        raise Broken("what is served is not what was uploaded")
    return told


def _put_bytes(stage: Stage, share: float) -> int:
    """Return a share of the bytes between gateway and store for one PUT."""
    if "PUT" not in stage.traffic:
        before = stage.proxy.passed
        stage.put(stage.victim_client, stage.bucket(), _KEY, _NEW, "rehearsal")
        stage.traffic["PUT"] = stage.proxy.passed - before
    return int(share * stage.traffic["PUT"])


def _tool_traffic(stage: Stage, name: str) -> int:
    """Return how many bytes pass when nothing happens."""
    if name not in stage.traffic:
        words = _job(stage, name, _filled(stage, name))
        before = stage.proxy.passed
        done = stage.tool.run(*words)
        assert done.returncode == 0, done.stderr
        stage.traffic[name] = stage.proxy.passed - before
    return stage.traffic[name]


def _workers(pid: int) -> list[psutil.Process]:
    """List what the fork server of a process has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(pid).children(recursive=True)
        return [child for child in children if child.ppid() != pid]
    return []


def _kill_workers(pid: int | None) -> None:
    """Kill the workers of a process; None: kill none."""
    for worker in _workers(pid) if pid is not None else []:
        worker.kill()


def _kill_at_work(pid: int, share: float) -> None:
    """Kill the workers of a process when they have worked for a share of their time."""
    before = _worked_s(pid)
    wait_until(lambda: _worked_s(pid) > before + share * _WORK_S, "work", timeout_s=_WORK_S * 20)
    _kill_workers(pid)


def _worked_s(pid: int) -> float:
    return sum(worker.cpu_times().user for worker in _workers(pid))
