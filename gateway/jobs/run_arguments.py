"""The command lines of ``job`` that are about a planned job."""

import argparse
from pathlib import Path
from typing import Final

from slimgate.eval.cost import money_prices
from slimgate.gateway.jobs.actions import NAMES
from slimgate.gateway.jobs.options import add_config, count, object_argument
from slimgate.gateway.jobs.state.leases import LASTS_S, LONGEST_S

_RUN: Final = (
    "Repeat the command to go on after an interruption, or run it on several machines at once. "
    "The largest objects of each shard come first. An object is replaced only if it has not "
    "changed meanwhile, and keeps metadata, tags, content headers, storage class and ACL. The "
    "first SIGINT or SIGTERM finishes objects in flight, the second one ends at once."
)
_CHANGES: Final = {
    "pause": "let all processes of an action end in order",
    "resume": "allow runs of a paused or stopped action",
    "retry-failed": "plan the objects that failed again, for the next run",
}
_STOP_FAILING: Final = 0.5

_POLICY: Final = "eval: policy to measure (default: the one for the prefix of the job)"

MAX_JOBS: Final = 256
MAX_WORKERS: Final = 10_000
_MIN_TAKEOVER_S: Final = 6


def add_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add run, status, report, pause, resume and retry-failed."""
    _add_run(actions)
    _add_status(actions)
    _add_report(actions)
    for name, summary in _CHANGES.items():
        example = f"slimgate job {name} s3://jobs/1"
        _add_action(actions.add_parser(name, help=summary, description=summary, epilog=example))


def _add_run(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "process the objects of a job"
    run = actions.add_parser(
        "run",
        help=summary,
        description=f"{summary}. {_RUN}",
        epilog="slimgate job run s3://jobs/1 --do optimize --dry-run --limit 1000\n"
        "slimgate job run s3://jobs/1 --do optimize\n"
        "slimgate job run s3://jobs/3 --do verify",
    )
    _add_job_place(run)
    run.add_argument("--do", choices=NAMES, required=True, help="what is done to each object")
    run.add_argument("--dry-run", action="store_true", help="do everything, but write no objects")
    _add_runner(run)
    run.add_argument("--limit", type=count, metavar="N", help="stop after N objects")
    run.add_argument(
        "--jobs", type=_jobs, metavar="N", help="worker processes (default: engine.workers)"
    )
    run.add_argument(
        "--stop-failing",
        type=_share,
        default=_STOP_FAILING,
        metavar="SHARE",
        help="stop when more than this share of the last 200 objects failed "
        f"(default: {_STOP_FAILING}; 1: never)",
    )
    for name, of in (("requests", "requests to the store"), ("bytes", "bytes from and to it")):
        run.add_argument(f"--max-{name}-per-s", type=count, metavar="N", help=f"{of}, at most")
    run.add_argument(
        "--remove-replaced",
        action="store_true",
        help="in a versioned bucket, delete the replaced version; by default both stay",
    )
    run.add_argument(
        "--no-originals", action="store_true", help="drain: always store the restored file"
    )
    run.add_argument("--policy", metavar="NAME", help=_POLICY)
    run.add_argument(
        "--accept-changes",
        action="store_true",
        help="run although policies, restorers, packages or options have changed",
    )
    add_config(run)


def _add_runner(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--runner", choices=["local", "ray"], default="local", help="where workers are"
    )
    run.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="ray: the cluster (default: RAY_ADDRESS, else one on this machine alone)",
    )
    run.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help="ray: workers of one CPU each (default: the CPUs that the cluster has)",
    )
    run.add_argument(
        "--takeover-after-s",
        type=_takeover,
        default=LASTS_S,
        metavar="S",
        help="silence of a worker after which others take its shards over, seconds "
        f"(default: {LASTS_S:g}); it records its work six times in that time",
    )


def _add_status(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "show how far a job is"
    status = actions.add_parser(
        "status",
        help=summary,
        description=summary,
        epilog="slimgate job status s3://jobs/1 --json",
    )
    _add_job_place(status)
    status.add_argument("--json", action="store_true", help="as JSON")
    add_config(status)


def _add_report(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "show what has become of the objects"
    report = actions.add_parser(
        "report",
        help=summary,
        description=summary,
        epilog="slimgate job report s3://jobs/1\n"
        "slimgate job report s3://jobs/1 --objects > objects.jsonl",
    )
    form = report.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--objects", action="store_true", help="a JSON line per object")
    form.add_argument(
        "--out", type=Path, metavar="DIR", help="eval: folder for the report of slimgate eval"
    )
    report.add_argument("--policy", metavar="NAME", help=_POLICY)
    report.add_argument(
        "--classes",
        choices=("folders", "auto"),
        default="folders",
        help="eval: classes are folders below the prefix of the job, or detected from images",
    )
    report.add_argument(
        "--prices",
        type=Path,
        default=money_prices.DEFAULT,
        metavar="FILE",
        help="eval: price list",
    )
    report.add_argument("--force", action="store_true", help="eval: remove an earlier report")
    _add_action(report)


def _add_action(parser: argparse.ArgumentParser) -> None:
    _add_job_place(parser)
    parser.add_argument("--do", choices=NAMES, help="the action (default: the only one)")
    parser.add_argument("--dry-run", action="store_true", help="the dry run of --do")
    add_config(parser)


def _add_job_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", type=object_argument, metavar="s3://BUCKET/JOB", help="the job")


def _jobs(text: str) -> int:
    number = count(text)
    if number > MAX_JOBS:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_JOBS}")
    return number


def _workers(text: str) -> int:
    number = count(text)
    if number > MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_WORKERS:,}")
    return number


def _takeover(text: str) -> float:
    seconds = count(text)
    if not _MIN_TAKEOVER_S <= seconds <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"must be {_MIN_TAKEOVER_S} to {LONGEST_S:,.0f}")
    return seconds


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("must be a number from 0 to 1")
    return share
