"""The command that checks a running gateway."""

import argparse
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from slimgate.cli.commands import Subparsers

_SUMMARY: Final = "check that the gateway of this configuration is alive, for containers"


def add(subparsers: "Subparsers") -> None:
    """Add ``healthcheck``."""
    parser = subparsers.add_parser(
        "healthcheck",
        help=_SUMMARY,
        description=f"{_SUMMARY}. It asks the address of admin.listen; the "
        "configuration is SLIMGATE_CONFIG, or slimgate.yaml.",
        epilog="slimgate healthcheck",
    )
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> int:
    from slimgate.gateway.admin import healthcheck

    return healthcheck.main()
