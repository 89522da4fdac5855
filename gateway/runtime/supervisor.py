"""Run several gateway processes on one port (``processes`` > 1).

One process serves requests on one core. If that is the bottleneck, a supervisor starts several
processes and serves no requests itself:

- It opens the port, and all processes inherit it. One shared socket, rather than one each with
  SO_REUSEPORT: an idle process takes each connection, queued connections survive the loss of a
  process, and a second gateway on the port still fails to start.
- It keeps the engine process, whose socket all processes share, so that tiles of all images share
  batches and each network is in memory once.
- It divides the limits of the configuration (workers, queue, buffers, memory cache, store
  connections), see :mod:`slimgate.config.shares`: N processes use no more than one. The memory
  cache becomes N independent caches; each may restore the same file once, unless they share Redis.
  None serves stale content, since entries are keyed by the ETag that the store has just returned.
- It serves the admin listener: metrics are summed, and it is ready when all processes are.

Control messages go through the standard input of each process, so that all apply the same policies
at the same time, replacements included; they exit if the supervisor is killed.
"""

import asyncio
import contextlib
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from slimgate.config import Settings
from slimgate.gateway.admin.aggregate import Aggregate
from slimgate.gateway.admin.auth import Access
from slimgate.gateway.admin.playground.forms import MAX_FIELDS
from slimgate.gateway.admin.playground.forwarding import forward_playground
from slimgate.gateway.http import sockets as listening
from slimgate.gateway.http import tls
from slimgate.gateway.runtime.gateway_processes import GatewayProcesses
from slimgate.gateway.runtime.reload import ReloadCallbacks, watch
from slimgate.gateway.runtime.systemd import ServiceHost
from slimgate.gateway.workers.engine_process import EngineProcess
from slimgate.gateway.workers.startup_checks import required_networks

_log = structlog.get_logger(__name__)


async def supervise(settings: Settings, path: Path, host: ServiceHost) -> None:
    """Keep the processes running until SIGTERM or SIGINT, then drain them.

    Args:
        settings: Settings of all processes together.
        path: Configuration file to watch.
        host: Signals, and notifications to systemd.

    Raises:
        CannotStart: The engine or a process does not start.
        CannotListen: An address cannot be used.
        BadCertificate: The configured certificate cannot be used.
    """
    certificate = tls.load_certificate(settings.tls) if settings.admin.tls else None
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(_folder())
        sockets = listening.listen(settings.address, "--listen")
        stack.callback(listening.close, sockets)
        engine = await stack.enter_async_context(_engine(settings))
        numbers = [each.fileno() for each in sockets]
        processes = GatewayProcesses(settings, numbers, engine.address, folder)
        operators = web.AppRunner(
            _admin(settings, processes, folder, host), access_log=None, handler_cancellation=True
        )
        stack.push_async_callback(operators.cleanup)
        await operators.setup()
        await stack.enter_async_context(processes)
        if settings.admin.address:
            context = certificate.context if certificate else None
            await _listen_to_operators(operators, settings.admin.address, context)
        listening.log_addresses("listening", sockets)

        def reload_certificate() -> None:
            processes.reload_certificate()
            if certificate is not None:
                certificate.reload()

        callbacks = ReloadCallbacks(
            processes.set_policies,
            reload_certificate,
            processes.reload_credentials,
            host.reloading,
            host.ready,
        )
        watcher = asyncio.create_task(watch(path, settings, host.reload, callbacks))
        host.ready()
        await host.ended.wait()
        host.stopping()
        watcher.cancel()
        _log.info("draining", timeout_s=settings.shutdown_timeout_s)
        listening.close(sockets)


def _engine(settings: Settings) -> EngineProcess:
    networks = required_networks(settings)
    return EngineProcess(settings.engine, networks, settings.heartbeat_timeout_s)


async def _listen_to_operators(
    operators: web.AppRunner, address: tuple[str, int], context: ssl.SSLContext | None
) -> None:
    opened = listening.listen(address, "admin.listen")
    for each in opened:
        await web.SockSite(operators, each, ssl_context=context).start()
    listening.log_addresses("listening for operators", opened)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Create a private folder."""
    folder = Path(tempfile.mkdtemp(prefix="slimgate-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _admin(
    settings: Settings, processes: GatewayProcesses, folder: Path, host: ServiceHost
) -> web.Application:
    """Return the admin application for all processes."""
    access = Access(settings.admin)
    admin = web.Application(middlewares=[access.middleware()], client_max_size=MAX_FIELDS)
    registry = Aggregate(folder, lambda: processes.pids).registry()

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        if host.ended.is_set():
            return web.Response(text="draining\n", status=HTTPStatus.SERVICE_UNAVAILABLE)
        return await _readiness(processes)

    async def scrape(_: web.Request) -> web.Response:
        # A request makes each process update its sampled gauges.
        await processes.ask_all("/_slimgate/metrics")
        body = await asyncio.to_thread(generate_latest, registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    admin.router.add_get("/_slimgate/healthz", healthz)
    admin.router.add_get("/_slimgate/readyz", readyz)
    for path in ("/_slimgate/metrics", "/metrics"):
        admin.router.add_get(path, scrape)
    # Results of previews are in the memory of one process.
    forward_playground(admin, access, processes.operators(0))
    return admin


async def _readiness(processes: GatewayProcesses) -> web.Response:
    """Answer as the first process that is not ready; as the first one if all are."""
    answers = await processes.ask_all("/_slimgate/readyz")
    for number, answer in enumerate(answers):
        if answer is None or answer.status != HTTPStatus.OK:
            text = f"process {number} does not answer\n" if answer is None else answer.text
            return web.Response(text=text, status=HTTPStatus.SERVICE_UNAVAILABLE)
    return web.Response(text=next((each.text for each in answers if each), "ready\n"))
