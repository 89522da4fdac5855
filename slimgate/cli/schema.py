"""The command that prints the JSON Schema of the configuration."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from slimgate.cli.commands import Subparsers

_SUMMARY: Final = "print the JSON Schema of the configuration, for editors"


def add(subparsers: "Subparsers") -> None:
    """Add ``schema``."""
    parser = subparsers.add_parser(
        "schema",
        help=_SUMMARY,
        description=f"{_SUMMARY}. The first line of slimgate.yaml names it: "
        "# yaml-language-server: $schema=slimgate.schema.json",
        epilog="slimgate schema > slimgate.schema.json",
    )
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> int:
    from slimgate.config import json_schema

    sys.stdout.write(f"{json.dumps(json_schema(), indent=2, ensure_ascii=False)}\n")
    return 0
