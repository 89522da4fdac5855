"""Plan a job from the command line."""

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NoReturn

from tqdm import tqdm

from config import Policies
from gateway.jobs import resources
from gateway.jobs.plan.listed import Listing
from gateway.jobs.plan.planner import Planner
from gateway.jobs.plan.selection import Selector
from gateway.jobs.plan.source import Source
from gateway.jobs.state import job_file
from gateway.jobs.state.job_file import Digests, JobFile, PlanFile
from gateway.jobs.state.store import JobStore
from gateway.storage.object_client import ObjectClient


async def plan(options: argparse.Namespace) -> int:
    """Plan a job, and say what it is about.

    Returns:
        0.

    Raises:
        UsageError, ConfigError: The job cannot be planned so.
        CannotPlan, NoJob, DamagedShard: There is something else at its prefix.
        BadSource: The source cannot be read.
        Denied, S3Error, OSError: The store or the disk fails.
    """
    async with resources.open_client(options) as (policies, client):
        store = JobStore(client, options.to)
        async with _source(options, client) as (described, source):
            wanted = _plan_file(options, policies, described)
            selector = Selector(policies, options.place, options.to, wanted.selection)
            bar: tqdm[NoReturn] = tqdm(unit="object", disable=None, dynamic_ncols=True)
            with bar:
                job = await Planner(store, wanted, selector, bar.update).run(source)
    sys.stdout.write(_summary(job, store))
    return 0


@asynccontextmanager
async def _source(
    options: argparse.Namespace, client: ObjectClient
) -> AsyncIterator[tuple[job_file.Source, Source]]:
    """Open the source that the command line names."""
    yield job_file.Source(kind="list"), Listing(client, options.place)


def _plan_file(
    options: argparse.Namespace, policies: Policies, source: job_file.Source
) -> PlanFile:
    bucket, prefix = options.place
    return PlanFile(
        bucket=bucket,
        prefix=prefix,
        source=source,
        selection="all" if options.all_keys else "policies",
        keys_per_shard=options.keys_per_shard,
        created=datetime.now(UTC),
        digests=Digests.of(policies, bucket),
    )


def _summary(job: JobFile, store: JobStore) -> str:
    lines = [f"{job.rows:,} objects with {job.bytes:,} bytes in {job.shards:,} shards at {store}"]
    lines += [f"left out ({reason}): {count:,}" for reason, count in sorted(job.skipped.items())]
    lines.append(f"next: python -m gateway job run {store} --do optimize")
    return "".join(f"{line}\n" for line in lines)
