"""The commands that work on a bucket or an image without a gateway."""

from typing import TYPE_CHECKING

from slimgate.gateway.jobs.arguments import add_tools
from slimgate.gateway.jobs.commands import run

if TYPE_CHECKING:
    from slimgate.cli.commands import Subparsers


def add(subparsers: "Subparsers") -> None:
    """Add ``explain``, ``job``, ``restore``, ``restore-original``, ``index`` and ``ledger``."""
    for each in add_tools(subparsers):
        each.set_defaults(run=run)
