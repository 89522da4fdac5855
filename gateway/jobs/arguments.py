"""The command lines of the jobs."""

import argparse
from pathlib import Path
from typing import Final

from slimgate.gateway.jobs.address import object_place
from slimgate.gateway.jobs.index_command import add_index
from slimgate.gateway.jobs.job_arguments import add_job
from slimgate.gateway.jobs.options import EXIT, add_config

NAMES: Final = ("job", "index", "restore-original", "explain", "ledger")
"""Tools."""

FORMER: Final = ("optimize", "drain", "verify")
"""Tools of earlier versions, which are actions of jobs now."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all jobs."""
    made = argparse.ArgumentParser(prog="python -m gateway", epilog=EXIT)
    tools = made.add_subparsers(dest="tool", required=True)
    add_job(tools)
    _add_restore_original(tools)
    _add_explain(tools)
    ledger = tools.add_parser(
        "ledger", help="summarize the ledgers of shadow policies", epilog=EXIT
    )
    ledger.add_argument("files", type=Path, nargs="+", metavar="FILE")
    add_index(tools)
    return made


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


def instead(words: list[str]) -> str:
    """Return what to type instead of a tool of an earlier version.

    Args:
        words: Its name and its arguments.
    """
    name = words[0]
    bucket = next((word for word in words if word.startswith("s3://")), "s3://BUCKET/PREFIX")
    all_keys = "" if name == "optimize" else " --all-keys"
    return (
        f"{name} is an action of jobs now, which keep their state in a bucket:\n"
        f"  python -m gateway job plan {bucket} --to s3://BUCKET/JOB{all_keys}\n"
        f"  python -m gateway job run s3://BUCKET/JOB --do {name}\n"
        "To go on after an interruption, repeat job run; instead of --log there is job report."
    )
