"""The command that runs networks for gateways on other machines."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from slimgate.cli.commands import Subparsers
    from slimgate.models.serving.command import ServeOptions

_ENGINE: Final = "run networks for gateways on other machines"
_SERVE: Final = "serve gateways until SIGTERM"
_PORT: Final = 9100
_LISTEN: Final = f"127.0.0.1:{_PORT}"


def add(subparsers: "Subparsers") -> None:
    """Add ``engine``."""
    engine = subparsers.add_parser(
        "engine",
        help=_ENGINE,
        description=_ENGINE,
        epilog="slimgate engine serve --listen 0.0.0.0:9100 --token-file /run/secrets/token",
    )
    commands = engine.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help=_SERVE,
        description=f"{_SERVE}. Images in flight are finished first.",
        epilog="slimgate engine serve\n"
        "slimgate engine serve --listen 0.0.0.0:9100 --token-file /run/secrets/engine-token\n"
        "slimgate engine serve --backend torch --device cuda --max-batch 64",
    )
    _add_networks(serve)
    _add_limits(serve)
    _add_access(serve)
    serve.set_defaults(run=_run)


def _add_networks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backend", choices=("openvino", "torch"), default="openvino", help="default: openvino"
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="device for torch: auto (a GPU if present, the default), cpu or cuda",
    )
    parser.add_argument("--threads", type=int, help="threads per batch (default: one per core)")
    parser.add_argument(
        "--restorers",
        nargs="+",
        default=["native"],
        metavar="NAME",
        help="restorers to load at the start (default: native); other native ones load on demand",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-batch", type=int, help="tiles per batch (default: 2 on CPUs, 16 on GPUs)"
    )
    parser.add_argument(
        "--max-wait-ms", type=float, help="longest wait for a batch to fill (default: 2)"
    )
    parser.add_argument(
        "--max-pixels",
        metavar="PIXELS",
        help="output pixels in flight, such as 400MP (the default); more get 503",
    )
    parser.add_argument(
        "--max-queue", type=int, default=64, help="images in flight (default: 64); more get 503"
    )
    parser.add_argument(
        "--timeout-s", type=float, default=60.0, help="longest time of one image (default: 60)"
    )
    parser.add_argument(
        "--drain-s",
        type=float,
        default=60.0,
        help="time for images in flight after SIGTERM (default: 60)",
    )


def _add_access(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", default=_LISTEN, metavar="HOST:PORT", help=f"default: {_LISTEN}"
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with the token that gateways send; required off loopback "
        "(default: SLIMGATE_ENGINE_TOKEN_FILE)",
    )
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="PEM file, for https")
    parser.add_argument("--key", type=Path, metavar="FILE", help="PEM file of its private key")


def _run(options: argparse.Namespace) -> int:
    import uvloop

    from slimgate.config import ConfigError
    from slimgate.gateway.telemetry import logs
    from slimgate.models.serving import command

    logs.configure()
    try:
        chosen = _options(options)
        token = command.token_of(chosen)
        command.networks(chosen.restorers)
    except (ConfigError, LookupError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        uvloop.run(command.serve(chosen, token))
    except command.CannotServe as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _options(options: argparse.Namespace) -> "ServeOptions":
    """Return the options of the server.

    Raises:
        ValueError: one is out of range, or contradicts another.
    """
    from pydantic import ValidationError

    from slimgate.config import Engine
    from slimgate.config.network import split_listen
    from slimgate.models.serving.command import ServeOptions

    if (options.certificate is None) != (options.key is None):
        raise ValueError("--certificate and --key belong together")
    if options.max_queue < 1 or not options.timeout_s > 0 or not options.drain_s >= 0:
        raise ValueError("--max-queue, --timeout-s and --drain-s must be positive")
    host, port = split_listen(options.listen)
    limits = {
        "threads": options.threads,
        "max_batch": options.max_batch,
        "max_wait_ms": options.max_wait_ms,
        "max_pixels_in_flight": options.max_pixels,
    }
    given = {name: value for name, value in limits.items() if value is not None}
    try:
        engine = Engine.model_validate(
            {"backend": options.backend, "device": options.device, **given}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{first['loc'][0]}: {first['msg']}") from error
    pair = None if options.key is None else (options.certificate, options.key)
    return ServeOptions(
        host=host,
        port=port,
        engine=engine,
        restorers=tuple(options.restorers),
        max_queue=options.max_queue,
        timeout_s=options.timeout_s,
        drain_s=options.drain_s,
        token_file=options.token_file,
        certificate=pair,
    )
