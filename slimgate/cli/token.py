"""The command that issues temporary credentials of a client."""

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from slimgate.cli.commands import Subparsers

_SUMMARY: Final = "print temporary credentials of a client, for credential_process of AWS profiles"


def add(subparsers: "Subparsers") -> None:
    """Add ``token``."""
    from slimgate.config.option import add_config_option

    parser = subparsers.add_parser(
        "token",
        help=_SUMMARY,
        description=f"{_SUMMARY}. They do what their owner may; removing the owner, or changing "
        "its secret key, revokes them.",
        epilog="slimgate token --config slimgate.yaml --access-key AKIAEXAMPLE --duration 3600",
    )
    add_config_option(parser)
    parser.add_argument(
        "--access-key", required=True, metavar="KEY", help="access key of the client"
    )
    parser.add_argument(
        "--duration",
        type=_seconds,
        default=3600,
        metavar="SECONDS",
        help="lifetime, 900 (15 minutes) to 129600 (36 hours); 3600 if omitted",
    )
    parser.set_defaults(run=_run)


def _seconds(text: str) -> int:
    from slimgate.gateway.s3.session_tokens import MAX_LIFETIME_S, MIN_LIFETIME_S

    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError("must be a whole number of seconds")
    if not MIN_LIFETIME_S <= int(text) <= MAX_LIFETIME_S:
        raise argparse.ArgumentTypeError(f"must be {MIN_LIFETIME_S} to {MAX_LIFETIME_S} seconds")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    from slimgate.config import ConfigError
    from slimgate.gateway.admin.issue_token import CannotIssue, issue_token
    from slimgate.gateway.runtime.reload import read

    try:
        issued = issue_token(read(options.config), options.access_key, options.duration)
    except (ConfigError, CannotIssue) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{issued}\n")
    return 0
