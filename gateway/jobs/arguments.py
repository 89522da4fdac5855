"""The words of the tools' command lines."""

import argparse
import os
from pathlib import Path
from typing import Final

from config import config_path
from gateway.jobs.address import object_place, place

NAMES: Final = ("optimize", "drain", "verify", "restore-original", "explain", "ledger")
MAX_JOBS: Final = 256

_ORDER: Final = "Objects are taken largest first within each 50,000 keys of the listing."

_OPTIMIZE: Final = (
    f"{_ORDER} Each is replaced only if nobody has written to it meanwhile, and keeps metadata, "
    "tags, content headers, storage class and ACL. What is locked, archived, encoded or encrypted "
    "with a customer's key stays."
)
_DRAIN: Final = (
    "Where the object's policy keeps originals, the original is stored, else the restored file. "
    f"{_ORDER} Each is replaced only if nobody has written to it meanwhile."
)
_RUNS: Final = {
    "optimize": ("make small what lies plain, where a policy has the mode optimize", _OPTIMIZE),
    "drain": ("give managed objects back their full size; then no gateway is needed", _DRAIN),
    "verify": ("restore managed objects and compare them with their digests", "Writes nothing."),
}
_EXIT: Final = "Exit codes: 0 all right, 1 something failed or was interrupted, 2 wrong usage."


def parser() -> argparse.ArgumentParser:
    """Make the parser of all tools."""
    made = argparse.ArgumentParser(prog="python -m gateway", epilog=_EXIT)
    tools = made.add_subparsers(dest="tool", required=True)
    for name, (summary, more) in _RUNS.items():
        tool = tools.add_parser(name, help=summary, description=f"{summary}. {more}", epilog=_EXIT)
        tool.add_argument("place", type=place, metavar="s3://BUCKET/PREFIX")
        _add_run_options(tool, name)
    _add_restore_original(tools)
    _add_explain(tools)
    ledger = tools.add_parser("ledger", help="sum up what shadow policies found out", epilog=_EXIT)
    ledger.add_argument("files", type=Path, nargs="+", metavar="FILE")
    return made


def _add_run_options(tool: argparse.ArgumentParser, name: str) -> None:
    _add_config(tool)
    tool.add_argument("--dry-run", action="store_true", help="do everything, but write nothing")
    tool.add_argument("--limit", type=_count, metavar="N", help="stop after that many objects")
    tool.add_argument(
        "--jobs",
        type=_jobs,
        metavar="N",
        help="objects at a time, each in a process of its own (default: engine.workers)",
    )
    default = f"slimgate-{name}-BUCKET.jsonl in this folder"
    tool.add_argument("--log", type=Path, metavar="FILE", help=f"a line per object ({default})")
    tool.add_argument(
        "--resume", action="store_true", help="go on from the log, and try again what failed"
    )
    if name != "verify":
        tool.add_argument(
            "--remove-replaced",
            action="store_true",
            help="in a bucket with versions, remove the version that is replaced; else both stay",
        )
    if name == "drain":
        tool.add_argument(
            "--no-originals", action="store_true", help="store the restored file in any case"
        )


def _add_restore_original(tools: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "put the upload back that the policy has kept of a managed object"
    tool = tools.add_parser("restore-original", help=summary, description=summary, epilog=_EXIT)
    tool.add_argument("place", type=object_place, metavar="s3://BUCKET/KEY")
    _add_config(tool)
    tool.add_argument("--dry-run", action="store_true", help="look and compare, but write nothing")
    tool.add_argument(
        "--uploaded-as",
        type=object_place,
        metavar="s3://BUCKET/KEY",
        help="where the object was uploaded to, when this is a copy of it",
    )


def _add_explain(tools: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "say what a policy would make of one image, and why"
    tool = tools.add_parser("explain", help=summary, description=summary, epilog=_EXIT)
    tool.add_argument("image", metavar="FILE|s3://BUCKET/KEY")
    _add_config(tool)
    tool.add_argument("--policy", metavar="NAME", help="instead of the object's own")


def _add_config(tool: argparse.ArgumentParser) -> None:
    tool.add_argument("--config", type=Path, default=config_path(os.environ), metavar="FILE")
    tool.add_argument(
        "--access-key", metavar="KEY", help="which of the credentials works (default: the first)"
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 16 and int(text)):
        raise argparse.ArgumentTypeError("must be a whole number, at least 1")
    return int(text)


def _jobs(text: str) -> int:
    number = _count(text)
    if number > MAX_JOBS:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_JOBS}")
    return number
