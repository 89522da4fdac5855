"""The command that fills the index of listings."""

import argparse
import asyncio
import sys
from collections import Counter
from typing import NoReturn

from tqdm import tqdm

from slimgate.config import Policies, Settings
from slimgate.gateway.jobs import resources
from slimgate.gateway.jobs.index import Indexer
from slimgate.gateway.jobs.job_arguments import add_source
from slimgate.gateway.jobs.options import add_config, count, place_argument
from slimgate.gateway.jobs.outcome import FAILED
from slimgate.gateway.jobs.plan.command import open_source
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.storage.index.opening import index_path, index_problems
from slimgate.gateway.storage.manifest_seals import Seals

_SKIPPED = "cannot be managed"


def add_index(
    tools: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Add ``index``, and return its parser."""
    summary = "fill the index, so that listings ask the store for nothing"
    more = "Sends a HEAD for each object that the index does not know; repeat it to go on."
    index = tools.add_parser(
        "index",
        help=summary,
        description=f"{summary}. {more}",
        epilog="slimgate index s3://photos",
    )
    index.add_argument(
        "place", type=place_argument, metavar="s3://BUCKET/PREFIX", help="objects to look at"
    )
    index.add_argument("--versions", action="store_true", help="look at old versions, too")
    add_source(index)
    index.add_argument(
        "--requests",
        type=count,
        metavar="N",
        help="concurrent requests (default: limits.max_listing_heads)",
    )
    add_config(index)
    return index


async def fill_index(options: argparse.Namespace) -> int:
    """Fill the index from the command line.

    Returns:
        0, or 1 if an object could not be looked at.

    Raises:
        UsageError, ConfigError: The command does not fit the configuration.
        Denied, S3Error, OSError: The bucket cannot be listed.
    """
    settings = resources.read_settings(options)
    check_index(settings, options.place.bucket)
    async with (
        resources.open_client(options) as (policies, client),
        resources.open_index(settings) as index,
        open_source(options, client) as (_, source),
    ):
        seals = Seals(settings.manifests)
        indexer = Indexer(client, policies, seals, index, options.place.bucket)
        requests = asyncio.Semaphore(options.requests or settings.limits.max_listing_heads)
        counts: Counter[str] = Counter()
        bar: tqdm[NoReturn] = tqdm(unit="object", disable=None, dynamic_ncols=True)
        with bar:
            async for batch in source.batches({}):
                rows = [found.indexed_row for found in batch.found if found.skipped is None]
                of_batch = await indexer.fill(rows, requests)
                of_batch[_SKIPPED] = len(batch.found) - of_batch.total()
                counts += of_batch
                bar.update(len(batch.found))
    sys.stdout.writelines(f"{counts[name]:>15,}  {name}\n" for name in sorted(counts))
    if settings.index.kind == "sqlite":
        sys.stdout.write(f"file: {index_path(settings)}\n")
    return 1 if any(name.startswith(FAILED) for name in counts) else 0


def check_index(settings: Settings, bucket: str) -> None:
    """Check that there is an index which outlives the command, and something to fill it with.

    Raises:
        UsageError: There is not; the message says what to do.
    """
    if settings.cache.redis.url is None:
        if settings.index.kind == "memory":
            raise UsageError(
                "an index in memory cannot be filled: set index.kind or cache.redis.url"
            )
        for problem in index_problems(settings):
            raise UsageError(problem)
    if not Policies(settings.policies).names_bucket(bucket):
        raise UsageError(f"no policy names the bucket {bucket}: nothing to index")
