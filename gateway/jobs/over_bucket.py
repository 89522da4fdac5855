"""Jobs on a whole bucket: optimize, drain and verify."""

import argparse
import sys
from pathlib import Path

from gateway.jobs import resources
from gateway.jobs.attempts import Work
from gateway.jobs.drain import Drainer
from gateway.jobs.journal import Journal, Subject
from gateway.jobs.listing import Entry, windows
from gateway.jobs.optimize import Optimizer
from gateway.jobs.outcome import Outcome
from gateway.jobs.resources import Tools
from gateway.jobs.run import run
from gateway.jobs.state.shards import Row
from gateway.jobs.verify import Verifier
from gateway.storage.conditional_writes import check_conditional_writes
from gateway.storage.errors import Denied


async def command(options: argparse.Namespace) -> int:
    """Run a job on a bucket.

    Returns:
        0, or 1 if an object failed.

    Raises:
        UsageError, ConfigError, JournalError: The job did not start; nothing was changed.
        Denied, S3Error, OSError: The job cannot continue.
    """
    async with resources.open_tools(options, jobs=options.jobs) as tools:
        if options.tool != "verify" and not options.dry_run:
            await check_conditional_writes(tools.client, *options.place)
        if options.tool == "optimize" and await tools.client.lock(options.place.bucket):
            raise Denied("the bucket has default retention: its objects cannot be replaced")
        with _journal(options) as journal:
            try:
                await _go(options, tools, journal)
            finally:
                sys.stdout.write(journal.totals.table())
    return 1 if journal.totals.failed else 0


async def _go(options: argparse.Namespace, tools: Tools, journal: Journal) -> None:
    work = _work(options, tools)

    async def process(entry: Entry) -> Outcome:
        return await work(Row(*entry))

    def wanted(entry: Entry) -> bool:
        return work.wants(Row(*entry))

    listed = windows(tools.client, options.place, wanted, after=journal.progress.after)
    await run(listed, process, journal, jobs=tools.jobs, limit=options.limit)


def _work(options: argparse.Namespace, tools: Tools) -> Work:
    bucket = options.place.bucket
    if options.tool == "verify":
        return Verifier(tools, bucket)
    how = {"dry_run": options.dry_run, "remove_replaced": options.remove_replaced}
    if options.tool == "optimize":
        return Optimizer(tools, bucket, **how)
    return Drainer(tools, bucket, use_originals=not options.no_originals, **how)


def _journal(options: argparse.Namespace) -> Journal:
    """Create the log, or continue that of an interrupted run.

    Raises:
        JournalError: It cannot be opened.
    """
    bucket, prefix = options.place
    subject: Subject = {
        "tool": options.tool, "bucket": bucket, "prefix": prefix, "dry_run": options.dry_run,
    }  # fmt: skip
    path = options.log or _default_log(options)
    return Journal.resume(path, subject) if options.resume else Journal.begin(path, subject)


def _default_log(options: argparse.Namespace) -> Path:
    dry = "-dry-run" if options.dry_run else ""
    return Path(f"slimgate-{options.tool}-{options.place.bucket}{dry}.jsonl")
