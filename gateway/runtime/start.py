"""Start a gateway as a program: read the configuration, serve, and return an exit code."""

import faulthandler
from pathlib import Path

import structlog
import uvloop

from slimgate.config import Settings
from slimgate.gateway.http.client_credentials import ClientCredentials
from slimgate.gateway.http.sockets import CannotListen
from slimgate.gateway.http.tls import BadCertificate
from slimgate.gateway.runtime.extras import check_extras
from slimgate.gateway.runtime.malloc import keep_freed_memory
from slimgate.gateway.runtime.reload import read
from slimgate.gateway.runtime.server import serve
from slimgate.gateway.runtime.supervisor import supervise
from slimgate.gateway.runtime.systemd import ServiceHost
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.telemetry import logs
from slimgate.gateway.workers.capacity import shortages

_log = structlog.get_logger(__name__)


def start(path: Path, listen: str | None) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        path: Configuration file.
        listen: Host and port that override the configuration.

    Returns:
        0; 1 if an address cannot be used, or something required does not start.

    Raises:
        ConfigError: The configuration is invalid, or an extra that it needs is not installed.
    """
    settings = read(path, listen)
    check_extras(settings, path)
    ClientCredentials(
        settings.credentials, settings.credentials_file
    )  # valid, before anything runs
    logs.configure()
    for each in shortages(settings):
        _log.warning("worker memory too small", reason=each)
    # If systemd's watchdog ends a hung gateway, the journal shows its stacks.
    faulthandler.enable()
    keep_freed_memory()
    return uvloop.run(_run(settings, path))


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
