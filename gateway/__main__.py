"""The command line: ``python -m gateway --config FILE`` serves, ``… check`` validates.

The other commands work on a bucket without a gateway.
"""

import argparse
import faulthandler
import os
import sys
from pathlib import Path

import structlog
import uvloop

from slimgate.config import ConfigError, Settings, config_path, effective
from slimgate.gateway.http.sockets import CannotListen
from slimgate.gateway.http.tls import BadCertificate
from slimgate.gateway.jobs import arguments as tools
from slimgate.gateway.jobs import commands
from slimgate.gateway.runtime.malloc import keep_freed_memory
from slimgate.gateway.runtime.reload import read
from slimgate.gateway.runtime.server import serve
from slimgate.gateway.runtime.supervisor import supervise
from slimgate.gateway.runtime.systemd import ServiceHost
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.storage.index.opening import index_problems
from slimgate.gateway.telemetry import logs
from slimgate.gateway.workers.capacity import shortages

_log = structlog.get_logger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if an address cannot be used or a tool failed; 2 if the configuration is invalid.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in {*tools.NAMES, *tools.FORMER}:
        return commands.main(words)
    options = _parser().parse_args(words)
    try:
        settings = read(options.config, options.listen)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.command == "check":
        sys.stdout.write(effective(settings))
        problems = (*shortages(settings), *index_problems(settings))
        sys.stderr.writelines(f"warning: {each}\n" for each in problems)
        return 0
    logs.configure()
    for each in shortages(settings):
        _log.warning("worker memory too small", reason=each)
    # If systemd's watchdog ends a hung gateway, the journal shows its stacks.
    faulthandler.enable()
    keep_freed_memory()
    return uvloop.run(_run(settings, options.config))


async def _run(settings: Settings, path: Path) -> int:
    work = serve if settings.processes == 1 else supervise
    # Install handlers before listening: an unhandled signal would end the process.
    async with ServiceHost() as host:
        try:
            await work(settings, path, host)
        except (CannotStart, BadCertificate) as error:
            _log.error("cannot start", reason=str(error))
            return 1
        except CannotListen as error:
            _log.error("cannot listen", reason=str(error))
            return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    epilog = f"Tools: {', '.join(tools.NAMES)}; python -m gateway TOOL --help for details."
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__, epilog=epilog)
    parser.add_argument("command", nargs="?", choices=["serve", "check"], default="serve")
    parser.add_argument("--config", type=Path, default=config_path(os.environ), metavar="FILE")
    parser.add_argument("--listen", metavar="HOST:PORT", help="overrides the configuration")
    return parser


if __name__ == "__main__":
    sys.exit(main())
