"""The command line of ``job`` and its actions."""

import argparse
from typing import Final

from slimgate.gateway.jobs.options import (
    add_config,
    count,
    object_argument,
    place_argument,
)
from slimgate.gateway.jobs.run_arguments import add_actions
from slimgate.gateway.jobs.state.shards import MAX_ROWS

_KEYS_PER_SHARD: Final = 1000

_PLAN: Final = (
    "Writes lists of objects below --to, and job.json last. Interrupted, repeat the command: it "
    "goes on after the last list. Left out are old versions, delete markers, folders, empty "
    "objects, and, without --all-keys, what no policy matches or allows by its size."
)


def add_job(
    tools: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Add ``job`` and its actions, and return its parser."""
    summary = "plan work on a whole bucket, and run it on any number of machines"
    job = tools.add_parser(
        "job",
        help=summary,
        description=summary,
        epilog="slimgate job plan s3://photos --to s3://jobs/1\n"
        "slimgate job run s3://jobs/1 --do optimize\n"
        "slimgate job status s3://jobs/1",
    )
    actions = job.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_plan(actions)
    add_actions(actions)
    return job


def _add_plan(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "list the objects of a job"
    plan = actions.add_parser(
        "plan",
        help=summary,
        description=f"{summary}. {_PLAN}",
        epilog="slimgate job plan s3://photos --to s3://jobs/1\n"
        "slimgate job plan s3://photos/2024/ --to s3://jobs/2 --sample 0.01\n"
        "slimgate job plan s3://photos --to s3://jobs/3 --all-keys",
    )
    plan.add_argument(
        "place", type=place_argument, metavar="s3://BUCKET/PREFIX", help="objects to plan"
    )
    plan.add_argument(
        "--to",
        type=object_argument,
        required=True,
        metavar="s3://BUCKET/JOB",
        help="place of the job",
    )
    add_source(plan)
    plan.add_argument(
        "--versions",
        action="store_true",
        help="plan old versions, too, to verify them",
    )
    plan.add_argument(
        "--sample", type=_sample, metavar="SHARE", help="plan this share of the keys, such as 0.001"
    )
    plan.add_argument(
        "--all-keys", action="store_true", help="plan keys that no policy matches, too"
    )
    plan.add_argument(
        "--keys-per-shard",
        type=_keys,
        default=_KEYS_PER_SHARD,
        metavar="N",
        help=f"objects per shard, at most {MAX_ROWS:,} (default: {_KEYS_PER_SHARD:,})",
    )
    add_config(plan)


def add_source(plan: argparse.ArgumentParser) -> None:
    """Add the options that say where the objects of a bucket are listed."""
    source = plan.add_mutually_exclusive_group()
    source.add_argument("--list", action="store_true", help="list the bucket (the default)")
    source.add_argument(
        "--inventory",
        type=object_argument,
        metavar="s3://BUCKET/KEY/manifest.json",
        help="read an S3 Inventory, CSV or Parquet",
    )
    source.add_argument(
        "--manifest",
        metavar="FILE|s3://BUCKET/KEY",
        help="read a CSV file as S3 Batch Operations takes it: bucket,key or bucket,key,version",
    )


def _sample(text: str) -> float:
    try:
        sample = float(text)
    except ValueError:
        sample = 0.0
    if not 0 < sample <= 1:
        raise argparse.ArgumentTypeError("must be a number above 0, at most 1")
    return sample


def _keys(text: str) -> int:
    number = count(text)
    if number > MAX_ROWS:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_ROWS:,}")
    return number
