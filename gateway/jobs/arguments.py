"""The command lines of the jobs."""

import argparse
import os
from pathlib import Path
from typing import Final

from config import config_path
from gateway.jobs.address import object_place, place

NAMES: Final = ("optimize", "drain", "verify", "restore-original", "explain", "ledger")
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
_EXIT: Final = "Exit codes: 0 success, 1 failure or interruption, 2 wrong usage."


def parser() -> argparse.ArgumentParser:
    """Return the parser of all jobs."""
    made = argparse.ArgumentParser(prog="python -m gateway", epilog=_EXIT)
    tools = made.add_subparsers(dest="tool", required=True)
    for name, (summary, more) in _RUNS.items():
        tool = tools.add_parser(name, help=summary, description=f"{summary}. {more}", epilog=_EXIT)
        tool.add_argument("place", type=place, metavar="s3://BUCKET/PREFIX")
        _add_run_options(tool, name)
    _add_restore_original(tools)
    _add_explain(tools)
    ledger = tools.add_parser(
        "ledger", help="summarize the ledgers of shadow policies", epilog=_EXIT
    )
    ledger.add_argument("files", type=Path, nargs="+", metavar="FILE")
    return made


def _add_run_options(tool: argparse.ArgumentParser, name: str) -> None:
    _add_config(tool)
    tool.add_argument("--dry-run", action="store_true", help="do everything, but write nothing")
    tool.add_argument("--limit", type=_count, metavar="N", help="stop after N objects")
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
    tool = tools.add_parser("restore-original", help=summary, description=summary, epilog=_EXIT)
    tool.add_argument("place", type=object_place, metavar="s3://BUCKET/KEY")
    _add_config(tool)
    tool.add_argument("--dry-run", action="store_true", help="compare, but write nothing")
    tool.add_argument(
        "--uploaded-as",
        type=object_place,
        metavar="s3://BUCKET/KEY",
        help="where the object was uploaded, if this is a copy of it",
    )


def _add_explain(tools: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "show what a policy would do with one image, and why"
    tool = tools.add_parser("explain", help=summary, description=summary, epilog=_EXIT)
    tool.add_argument("image", metavar="FILE|s3://BUCKET/KEY")
    _add_config(tool)
    tool.add_argument("--policy", metavar="NAME", help="policy to use instead of the object's own")


def _add_config(tool: argparse.ArgumentParser) -> None:
    tool.add_argument("--config", type=Path, default=config_path(os.environ), metavar="FILE")
    tool.add_argument(
        "--access-key",
        metavar="KEY",
        help="access key of the credentials to use (default: the first)",
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
