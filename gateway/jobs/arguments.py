"""The command lines of what works without a gateway."""

import argparse
from pathlib import Path
from typing import Final

from slimgate.gateway.jobs.index_command import add_index
from slimgate.gateway.jobs.job_arguments import add_job
from slimgate.gateway.jobs.options import add_config, object_argument
from slimgate.gateway.jobs.restoring.arguments import add_restore

_COPY: Final = "where the object was uploaded, if this is a copy of it"


def parser() -> argparse.ArgumentParser:
    """Return the parser of these commands alone."""
    made = argparse.ArgumentParser(prog="slimgate")
    add_tools(made.add_subparsers(dest="command", required=True))
    return made


def add_tools(
    tools: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> tuple[argparse.ArgumentParser, ...]:
    """Add the commands that work without a gateway, and return their parsers."""
    return (
        _add_explain(tools),
        add_job(tools),
        add_restore(tools),
        _add_restore_original(tools),
        add_index(tools),
        _add_ledger(tools),
    )


def _add_restore_original(
    tools: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    summary = "replace a managed object by the original that its policy has kept"
    tool = tools.add_parser(
        "restore-original",
        help=summary,
        description=summary,
        epilog="slimgate restore-original s3://photos/2025/cat.jpg --dry-run",
    )
    tool.add_argument("place", type=object_argument, metavar="s3://BUCKET/KEY", help="the object")
    add_config(tool)
    tool.add_argument("--dry-run", action="store_true", help="compare, but write nothing")
    tool.add_argument("--uploaded-as", type=object_argument, metavar="s3://BUCKET/KEY", help=_COPY)
    return tool


def _add_explain(
    tools: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    summary = "show what a policy would do with one image, and why"
    tool = tools.add_parser(
        "explain",
        help=summary,
        description=f"{summary}. A file needs no configuration: without one, the "
        "policy is that of a bucket with all defaults.",
        epilog="slimgate explain photo.jpg\n"
        "slimgate explain photo.jpg --config slimgate.yaml --policy user-photos\n"
        "slimgate explain s3://photos/cat.jpg",
    )
    tool.add_argument("image", metavar="FILE|s3://BUCKET/KEY", help="the image")
    add_config(tool)
    tool.add_argument("--policy", metavar="NAME", help="policy to use instead of the object's own")
    return tool


def _add_ledger(
    tools: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    summary = "summarize the ledgers of shadow policies"
    tool = tools.add_parser(
        "ledger",
        help=summary,
        description=summary,
        epilog="slimgate ledger ledger.jsonl",
    )
    tool.add_argument("files", type=Path, nargs="+", metavar="FILE", help="files of ledger.path")
    return tool
