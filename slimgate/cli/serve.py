"""The commands that serve clients, and validate the configuration of that."""

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from slimgate.cli.commands import Subparsers

_SERVE: Final = "serve S3 clients until SIGTERM"
_CHECK: Final = "validate the configuration, and print it with all defaults and its need of memory"


def add(subparsers: "Subparsers") -> None:
    """Add ``serve`` and ``check``."""
    serve = subparsers.add_parser(
        "serve",
        help=_SERVE,
        description=f"{_SERVE}. Requests in flight are finished first.",
        epilog="slimgate serve --config slimgate.yaml\nslimgate serve --listen 0.0.0.0:9000",
    )
    serve.set_defaults(run=_serve)
    check = subparsers.add_parser(
        "check",
        help=_CHECK,
        description=f"{_CHECK}. Secrets are masked.",
        epilog="slimgate check --config slimgate.yaml",
    )
    check.set_defaults(run=_check)
    for each in (serve, check):
        _add_options(each)


def _add_options(parser: argparse.ArgumentParser) -> None:
    from slimgate.config.option import add_config_option

    add_config_option(parser)
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="address to listen on, instead of the configured one"
    )


def _serve(options: argparse.Namespace) -> int:
    from slimgate.config import ConfigError
    from slimgate.gateway.runtime.start import start

    try:
        return start(options.config, options.listen)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _check(options: argparse.Namespace) -> int:
    from slimgate.config import ConfigError, effective
    from slimgate.gateway.http.client_credentials import ClientCredentials
    from slimgate.gateway.runtime.extras import check_extras
    from slimgate.gateway.runtime.reload import read
    from slimgate.gateway.storage.index.opening import index_problems
    from slimgate.gateway.workers.capacity import memory_sum, shortages
    from slimgate.gateway.workers.worker_start import sandbox_gaps

    try:
        settings = read(options.config, options.listen)
        check_extras(settings, options.config)
        ClientCredentials(settings.credentials, settings.credentials_file)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(effective(settings))
    sys.stdout.writelines(f"# {line}\n" for line in memory_sum(settings))
    problems = (
        *shortages(settings), *index_problems(settings), *sandbox_gaps(settings.engine)
    )  # fmt: skip
    sys.stderr.writelines(f"warning: {each}\n" for each in problems)
    return 0
