"""The command lines of the jobs."""

import argparse
from pathlib import Path
from typing import Final

from gateway.jobs.address import object_place, place
from gateway.jobs.index_command import add_index
from gateway.jobs.job_arguments import add_job
from gateway.jobs.options import EXIT, add_config, count

NAMES: Final = (
    "optimize",
    "drain",
    "verify",
    "restore-original",
    "explain",
    "ledger",
    "index",
    "job",
)
MAX_JOBS: Final = 256

_ORDER: Final = "Objects are processed largest first within each 50,000 keys of the listing."

_OPTIMIZE: Final = (
    f"{_ORDER} An object is replaced only if it has not changed meanwhile, and keeps metadata, "
    "tags, content headers, storage class and ACL. Objects that are locked, archived, encoded or "
    "encrypted with a customer key stay."
)
_DRAIN: Final = (
    "Stores the original if the object's policy keeps originals, else the restored file. "
    f"{_ORDER} An object is replaced only if it has not changed meanwhile."
)
_RUNS: Final = {
    "optimize": ("optimize existing objects under policies with mode optimize", _OPTIMIZE),
    "drain": ("convert managed objects back to plain ones, which need no gateway", _DRAIN),
    "verify": ("restore managed objects and verify their digests", "Writes nothing."),
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of all jobs."""
    made = argparse.ArgumentParser(prog="python -m gateway", epilog=EXIT)
    tools = made.add_subparsers(dest="tool", required=True)
    for name, (summary, more) in _RUNS.items():
        tool = tools.add_parser(name, help=summary, description=f"{summary}. {more}", epilog=EXIT)
        tool.add_argument("place", type=place, metavar="s3://BUCKET/PREFIX")
        _add_run_options(tool, name)
    _add_restore_original(tools)
    _add_explain(tools)
    ledger = tools.add_parser(
        "ledger", help="summarize the ledgers of shadow policies", epilog=EXIT
    )
    ledger.add_argument("files", type=Path, nargs="+", metavar="FILE")
    add_index(tools)
    add_job(tools)
    return made


def _add_run_options(tool: argparse.ArgumentParser, name: str) -> None:
    add_config(tool)
    tool.add_argument("--dry-run", action="store_true", help="do everything, but write nothing")
    tool.add_argument("--limit", type=count, metavar="N", help="stop after N objects")
    tool.add_argument(
        "--jobs",
        type=_jobs,
        metavar="N",
        help="objects to process concurrently, each in its own process (default: engine.workers)",
    )
    default = f"slimgate-{name}-BUCKET.jsonl in this folder"
    tool.add_argument(
        "--log", type=Path, metavar="FILE", help=f"log file, one line per object ({default})"
    )
    tool.add_argument(
        "--resume", action="store_true", help="continue from the log, and retry failed objects"
    )
    if name != "verify":
        tool.add_argument(
            "--remove-replaced",
            action="store_true",
            help="in a versioned bucket, delete the replaced version; by default both stay",
        )
    if name == "drain":
        tool.add_argument(
            "--no-originals", action="store_true", help="always store the restored file"
        )


def _add_restore_original(tools: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "replace a managed object by the original that its policy has kept"
    tool = tools.add_parser("restore-original", help=summary, description=summary, epilog=EXIT)
    tool.add_argument("place", type=object_place, metavar="s3://BUCKET/KEY")
    add_config(tool)
    tool.add_argument("--dry-run", action="store_true", help="compare, but write nothing")
    tool.add_argument(
        "--uploaded-as",
        type=object_place,
        metavar="s3://BUCKET/KEY",
        help="where the object was uploaded, if this is a copy of it",
    )


def _add_explain(tools: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "show what a policy would do with one image, and why"
    tool = tools.add_parser("explain", help=summary, description=summary, epilog=EXIT)
    tool.add_argument("image", metavar="FILE|s3://BUCKET/KEY")
    add_config(tool)
    tool.add_argument("--policy", metavar="NAME", help="policy to use instead of the object's own")


def _jobs(text: str) -> int:
    number = count(text)
    if number > MAX_JOBS:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_JOBS}")
    return number
