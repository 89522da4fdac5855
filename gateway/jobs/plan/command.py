"""Plan a job from the command line."""

import argparse
import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal, NoReturn

from tqdm import tqdm

from slimgate.config import Policies
from slimgate.gateway.jobs import resources
from slimgate.gateway.jobs.address import object_place
from slimgate.gateway.jobs.plan import key_file
from slimgate.gateway.jobs.plan.download import downloaded
from slimgate.gateway.jobs.plan.inventory import Inventory
from slimgate.gateway.jobs.plan.inventory_manifest import read_manifest
from slimgate.gateway.jobs.plan.inventory_rows import RowReader
from slimgate.gateway.jobs.plan.key_file import KeyFile
from slimgate.gateway.jobs.plan.listed import Listing, VersionListing
from slimgate.gateway.jobs.plan.planner import Planner
from slimgate.gateway.jobs.plan.selection import Selector
from slimgate.gateway.jobs.plan.source import Source
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.state import job_file
from slimgate.gateway.jobs.state.job_file import Digests, JobFile, PlanFile
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.storage.object_client import ObjectClient


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
        async with open_source(options, client) as (described, source):
            wanted = _plan_file(options, policies, described)
            selector = Selector(
                policies, options.place, options.to, wanted.selection, wanted.sample
            )
            bar: tqdm[NoReturn] = tqdm(unit="object", disable=None, dynamic_ncols=True)
            with bar:
                job = await Planner(store, wanted, selector, bar.update).run(source)
    sys.stdout.write(_summary(job, store))
    return 0


@asynccontextmanager
async def open_source(
    options: argparse.Namespace, client: ObjectClient
) -> AsyncIterator[tuple[job_file.Source, Source]]:
    """Open the source that the command line names.

    Raises:
        BadSource: It cannot be read.
        Denied, S3Error, OSError: The store or the disk fails.
    """
    bucket, versions = options.place.bucket, options.versions
    if options.inventory is not None:
        manifest, digest = await read_manifest(client, options.inventory, bucket)
        described = _described("inventory", str(options.inventory), digest)
        reader = RowReader(bucket, versions)
        yield described, Inventory(client, options.inventory.bucket, manifest, reader)
    elif options.manifest is not None:
        async with _opened(options.manifest, client) as (file, digest):
            described = _described("manifest", options.manifest, digest)
            yield described, KeyFile(file, options.manifest, bucket, versions)
    else:
        source = VersionListing if versions else Listing
        yield job_file.Source(kind="list"), source(client, options.place)


def _described(
    kind: Literal["inventory", "manifest"], location: str, digest: str
) -> job_file.Source:
    return job_file.Source(kind=kind, location=location, digest=digest)


@asynccontextmanager
async def _opened(location: str, client: ObjectClient) -> AsyncIterator[tuple[IO[bytes], str]]:
    """Open a file of keys, and compute its SHA-256."""
    if location.startswith("s3://"):
        async with downloaded(client, object_place(location), key_file.MAX_BYTES) as found:
            yield found.file, found.sha256
        return
    with await asyncio.to_thread(Path(location).open, "rb") as file:
        digest = await asyncio.to_thread(hashlib.file_digest, file, "sha256")
        yield file, digest.hexdigest()


def _plan_file(
    options: argparse.Namespace, policies: Policies, source: job_file.Source
) -> PlanFile:
    bucket, prefix = options.place
    if not prefix.isascii() and any("\ud800" <= each <= "\udfff" for each in prefix):
        raise UsageError("the prefix is not UTF-8: plan a shorter one")
    return PlanFile(
        bucket=bucket,
        prefix=prefix,
        source=source,
        versions=options.versions,
        sample=options.sample,
        selection="all" if options.all_keys else "policies",
        keys_per_shard=options.keys_per_shard,
        created=datetime.now(UTC),
        digests=Digests.of(policies, bucket),
    )


def _summary(job: JobFile, store: JobStore) -> str:
    shards = f"{job.shards:,} shard{'' if job.shards == 1 else 's'}"
    lines = [f"{job.rows:,} objects with {job.bytes:,} bytes in {shards} at {store}"]
    lines += [f"left out ({reason}): {count:,}" for reason, count in sorted(job.skipped.items())]
    lines.append(f"next: slimgate job run {store} --do optimize")
    return "".join(f"{line}\n" for line in lines)
