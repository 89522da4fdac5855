"""Commands about a job that is planned: status, pause, resume, retry-failed and report."""

import argparse
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from slimgate.config import Policies
from slimgate.eval.cost import money_prices
from slimgate.eval.report import terminal
from slimgate.eval.run.journal import BadOutput
from slimgate.gateway.jobs import report as reports
from slimgate.gateway.jobs import resources
from slimgate.gateway.jobs.actions import changes_sizes
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.evaluation import report as evaluation
from slimgate.gateway.jobs.evaluation.policy import policy_of
from slimgate.gateway.jobs.opened_job import Job, open_job
from slimgate.gateway.jobs.retry_failed import retry_failed as plan_again
from slimgate.gateway.jobs.state import control
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.status import status as look
from slimgate.gateway.jobs.tally import tally


async def status(options: argparse.Namespace) -> int:
    """Print the progress of the actions of a job.

    Returns:
        0.

    Raises:
        UsageError, ConfigError, NoJob: There is no such job.
        Damaged, Denied, S3Error: Its state cannot be read.
    """
    async with _job(options) as job:
        found = [await look(job, name, state) for name, state in (await job.begun()).items()]
        file = job.file
        about = str(Place(file.bucket, file.prefix))
        if options.json:
            said: dict[str, object] = {"job": str(job.store), "objects_of": about}
            said["actions"] = [each.as_json() for each in found]
            return _write(f"{json.dumps(said, indent=2)}\n")
    begun = "".join(map(str, found)) or "nothing has begun: begin with job run\n"
    return _write(
        f"{job.store}: {file.rows:,} objects of {about} in {file.shards:,} shards\n{begun}"
    )


async def pause(options: argparse.Namespace) -> int:
    """Let all processes of an action end, once objects in flight are finished.

    Returns:
        0.

    Raises:
        UsageError, ConfigError, NoJob: There is no such job or action.
        Damaged, Denied, S3Error: Its state cannot be read, or not be written.
    """
    async with _job(options) as job:
        name = await job.the_one(options.do, dry_run=options.dry_run)
        await control.change(job.store.at(name), "paused")
    return _write(
        f"{name} pauses: its processes end at their next checkpoint; go on with job resume\n"
    )


async def resume(options: argparse.Namespace) -> int:
    """Allow runs of a paused or stopped action; see :func:`pause`."""
    async with _job(options) as job:
        name = await job.the_one(options.do, dry_run=options.dry_run)
        await control.change(job.store.at(name), "running")
    return _write(f"{name} may run: go on with job run\n")


async def retry_failed(options: argparse.Namespace) -> int:
    """Plan the failed objects of an action again; see :func:`pause`."""
    async with _job(options) as job:
        name = await job.the_one(options.do, dry_run=options.dry_run)
        spec = await plan_again(job, name)
    if spec is None:
        return _write("no object failed, and no damaged shard is whole again\n")
    return _write(f"{spec.rows:,} objects in {spec.count:,} shards: go on with job run\n")


async def report(options: argparse.Namespace) -> int:
    """Print the results of the objects; see :func:`status`."""
    async with _job(options) as job:
        name = await job.the_one(options.do, dry_run=options.dry_run)
        parts = await job.rounds(name)
        if options.objects:
            async for line in reports.objects(parts):
                _write(f"{line}\n")
            return 0
        if options.out is not None:
            return await _evaluated(options, job, parts)
        counted = await tally(parts, unfinished=True)
        if options.json:
            return _write(f"{json.dumps(reports.as_json(counted), indent=2)}\n")
        sizes = changes_sizes(name)
        return _write(await reports.report(parts, counted, changes_sizes=sizes))


async def _evaluated(options: argparse.Namespace, job: Job, parts: Sequence[Round]) -> int:
    """Write the report of an evaluation."""
    policies = Policies(resources.read_settings(options).policies)
    policy = policy_of(policies, job.file.bucket, job.file.prefix, options.policy)
    prices = money_prices.load(options.prices)
    form = evaluation.Form(options.out, options.classes == "auto", prices, options.force)
    try:
        study, summed = await evaluation.write(job, parts, policy, form)
    except BadOutput as error:
        raise resources.UsageError(str(error)) from error
    lines = "\n".join(terminal.lines(study, summed))
    return _write(f"{lines}\nwritten to {form.folder}: open report.html\n")


@asynccontextmanager
async def _job(options: argparse.Namespace) -> AsyncIterator[Job]:
    async with resources.open_client(options) as (_, client):
        yield await open_job(client, options.job)


def _write(text: str) -> int:
    sys.stdout.write(text)
    return 0
