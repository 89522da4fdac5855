"""Run a planned job from the command line."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from slimgate.config import Policies, Settings
from slimgate.gateway.jobs import resources
from slimgate.gateway.jobs.actions import Action
from slimgate.gateway.jobs.bar import Bar
from slimgate.gateway.jobs.evaluation.policy import policy_of
from slimgate.gateway.jobs.halt import Halt, Halted, LimitReached
from slimgate.gateway.jobs.index_command import check_index
from slimgate.gateway.jobs.interruption import obey_signals
from slimgate.gateway.jobs.opened_job import Job, open_job
from slimgate.gateway.jobs.report import summary
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.runners import local, ray
from slimgate.gateway.jobs.state import control, done
from slimgate.gateway.jobs.state.control import Differs
from slimgate.gateway.jobs.state.job_file import Digests, JobFile
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.tally import tally
from slimgate.gateway.jobs.terms import StoreAway, Watcher
from slimgate.gateway.jobs.worker import RunSpec
from slimgate.gateway.storage.conditional_writes import check_conditional_writes
from slimgate.gateway.storage.errors import Denied
from slimgate.gateway.storage.object_client import ObjectClient

Runner = Callable[[Settings, RunSpec, Watcher, Halt], Awaitable[None]]

_CHECKPOINTS: Final = 6
"""Checkpoints of a worker in the time after which it counts as dead."""


async def run(options: argparse.Namespace) -> int:
    """Process all objects of a job that are not done.

    Returns:
        0; 1 if an object or a shard failed, or the run ended early.

    Raises:
        UsageError, ConfigError, NoJob: The run did not start; nothing was changed.
        Damaged, Denied, S3Error, OSError: The run cannot continue.
    """
    _check_options(options)
    settings = resources.read_settings(options)
    policies = Policies(settings.policies)
    async with resources.open_store(settings, options.access_key) as client:
        job = await open_job(client, options.job)
        action = _action(options, policies, job.file)
        _check_plan(job.file, policies, action, accept=options.accept_changes)
        if action.name == "index":
            check_index(settings, job.file.bucket)
        await _check_store(client, job, action)
        part = await _begin(job, action, accept=options.accept_changes)
        spec = _spec(options, job, action, part)
        error = await _run(settings, spec, part, _runner(options))
        counted = await tally(await job.rounds(action.folder), unfinished=error is not None)
    sys.stdout.write(summary(counted, changes_sizes=action.changes_sizes))
    if error is not None:
        sys.stderr.write(f"{error}\n")
    is_complete = error is None or isinstance(error, LimitReached)
    is_all = isinstance(error, LimitReached) or not counted.left
    is_good = not counted.failed and not counted.totals.damaged
    return 0 if is_complete and is_all and is_good else 1


def _check_options(options: argparse.Namespace) -> None:
    """Check that all options are for the runner, and that it can run.

    Raises:
        UsageError: One is not, or Ray is not installed.
    """
    if options.runner == "ray":
        ray.check_installed()
    others = {"local": ("ray_address", "workers"), "ray": ("jobs", "limit")}
    for name in others[options.runner]:
        if getattr(options, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} does not go with --runner {options.runner}")


def _action(options: argparse.Namespace, policies: Policies, file: JobFile) -> Action:
    policy = ""
    if options.do == "eval":
        policy = policy_of(policies, file.bucket, file.prefix, options.policy).name
    return Action(
        options.do,
        dry_run=options.dry_run,
        remove_replaced=options.remove_replaced,
        no_originals=options.no_originals,
        policy=policy,
    )


def _check_plan(file: JobFile, policies: Policies, action: Action, *, accept: bool) -> None:
    """Check that a plan is still about what the configuration says.

    Raises:
        UsageError: It is not; the message says what to do.
    """
    differing = file.digests.differing(Digests.of(policies, file.bucket))
    if differing and not accept:
        raise UsageError(
            f"since the job was planned, its {' and '.join(differing)} have changed: plan a new "
            "job, or accept the changes with --accept-changes"
        )
    if file.versions and action.name not in {"verify", "index"}:
        raise UsageError("the job is about old versions: only verify or index it")
    left_out = _left_out(file)
    if left_out and action.name == "drain":
        raise UsageError(
            f"the plan leaves out {left_out:,} objects that no policy is for or allows by their "
            "size, which may be managed: plan a job with --all-keys"
        )
    if left_out and action.name in {"verify", "index"}:
        sys.stderr.write(
            f"warning: the plan leaves out {left_out:,} objects that no policy is for or allows by "
            "their size\n"
        )


def _left_out(file: JobFile) -> int:
    """Return how many objects that may be managed were not planned, because of policies."""
    if file.selection == "all":
        return 0
    # Empty objects count, too: they are not told from those above a limit, which may be a new one.
    return file.skipped.get("no policy", 0) + file.skipped.get("size", 0)


async def _check_store(client: ObjectClient, job: Job, action: Action) -> None:
    """Check that the store allows what the action needs.

    Raises:
        Denied: It does not.
        S3Error: The store does not respond.
    """
    await job.store.check()
    if action.writes:
        await check_conditional_writes(client, job.file.bucket, job.file.prefix)
    if action.name == "optimize" and await client.lock(job.file.bucket):
        raise Denied("the bucket has default retention: its objects cannot be replaced")


async def _begin(job: Job, action: Action, *, accept: bool) -> Round:
    """Begin an action, or join it; return its last round.

    Raises:
        UsageError: Its options differ, or it is paused or stopped.
        Damaged, Denied, S3Error: The job cannot be read.
    """
    state = job.store.at(action.folder)
    try:
        found = await control.begin(state, action.options, accept=accept)
    except Differs as error:
        raise UsageError(str(error)) from error
    if found.state != "running":
        reason = f" ({found.reason})" if found.reason else ""
        raise UsageError(f"the job is {found.state}{reason}: go on with job resume, then job run")
    return (await job.rounds(action.folder))[-1]


def _spec(options: argparse.Namespace, job: Job, action: Action, part: Round) -> RunSpec:
    return RunSpec(
        job=job.store.place,
        bucket=job.file.bucket,
        action=action,
        part=part.spec,
        access_key=options.access_key,
        jobs=options.jobs,
        stop_failing=options.stop_failing,
        limit=options.limit,
        max_requests_per_s=options.max_requests_per_s,
        max_bytes_per_s=options.max_bytes_per_s,
        lasts_s=options.takeover_after_s,
        checkpoint_s=options.takeover_after_s / _CHECKPOINTS,
    )


def _runner(options: argparse.Namespace) -> Runner:
    if options.runner == "ray":
        return partial(ray.run, address=options.ray_address, workers=options.workers)
    return local.run


async def _run(settings: Settings, spec: RunSpec, part: Round, runner: Runner) -> Exception | None:
    """Run a round; return why it ended early, if it did."""
    share = len(await done.shards(part.state)) / max(spec.part.count, 1)
    halt = Halt(spec.limit)
    with Bar(spec.part.rows, round(share * spec.part.rows)) as bar:
        task = asyncio.ensure_future(runner(settings, spec, bar, halt))
        with obey_signals(halt, task):
            try:
                await task
            except (Halted, StoreAway) as error:
                return error
            except asyncio.CancelledError:
                return Halted("stopped at once: the same command goes on where records end")
    return None
