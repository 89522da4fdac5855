"""Several gateway processes on one port, and what there is only one of: ``processes`` > 1.

One process answers requests on one core. Where that is the limit, a supervisor starts several and
answers none itself:

- It opens the port and lets all of them inherit it. One socket that is shared, rather than one
  each with SO_REUSEPORT: connections go to a process that has time, those that wait survive the
  process that would have taken them, and a second gateway on the port is refused as ever.
- It keeps the one engine process, whose socket is given to all, so that tiles of all images still
  share batches and each network is in memory once.
- What the configuration allows (codec workers, queue, buffers, memory cache, connections to the
  store) is divided, see :mod:`config.shares`: N processes use no more than one would. The memory
  cache is therefore N caches that know nothing of each other; a file may be restored once in each,
  unless they share Redis. None serves what is no longer true, as entries are found by the ETag
  that the store has just given.
- Operators talk to it alone: it adds up what all have counted, and is ready when all are.

Orders go through the standard input of each process, so that all take the same policies at the
same time, also one that has just replaced another; when the supervisor is killed, they end.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from config import Settings
from gateway.admin.aggregate import Aggregate
from gateway.admin.auth import Access
from gateway.admin.playground.forms import MAX_FIELDS
from gateway.admin.playground.forwarding import forward_playground
from gateway.http import sockets as listening
from gateway.http import tls
from gateway.runtime.gateway_processes import GatewayProcesses
from gateway.runtime.reload import ReloadCallbacks, watch
from gateway.runtime.systemd import ServiceHost
from gateway.workers.engine_process import EngineProcess
from gateway.workers.startup_checks import required_networks

_log = structlog.get_logger(__name__)


async def supervise(settings: Settings, path: Path, host: ServiceHost) -> None:
    """Keep the processes until SIGTERM or SIGINT; requests in flight are finished first.

    Args:
        settings: What all processes together may use.
        path: The file that they come from, which is watched.
        host: Tells when to end.

    Raises:
        CannotStart: The engine or a process does not come up.
        CannotListen: An address cannot be used.
        BadCertificate: There is no certificate to show.
    """
    certificate = tls.load_certificate(settings.tls) if settings.admin.tls else None
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(_folder())
        sockets = listening.listen(settings.address, "--listen")
        stack.callback(listening.close, sockets)
        engine = await stack.enter_async_context(
            EngineProcess(
                settings.engine, required_networks(settings), settings.heartbeat_timeout_s
            )
        )
        numbers = [each.fileno() for each in sockets]
        processes = GatewayProcesses(settings, numbers, engine.address, folder)
        operators = web.AppRunner(
            _admin(settings, processes, folder, host), access_log=None, handler_cancellation=True
        )
        stack.push_async_callback(operators.cleanup)
        await operators.setup()
        await stack.enter_async_context(processes)
        if settings.admin.address:
            opened = listening.listen(settings.admin.address, "admin.listen")
            context = certificate.context if certificate else None
            for each in opened:
                await web.SockSite(operators, each, ssl_context=context).start()
            listening.log_addresses("listening for operators", opened)
        listening.log_addresses("listening", sockets)

        def reload_certificate() -> None:
            processes.reload_certificate()
            if certificate is not None:
                certificate.reload()

        callbacks = ReloadCallbacks(
            processes.set_policies, reload_certificate, host.reloading, host.ready
        )
        watcher = asyncio.create_task(watch(path, settings, host.reload, callbacks))
        host.ready()
        await host.ended.wait()
        host.stopping()
        watcher.cancel()
        _log.info("draining", timeout_s=settings.shutdown_timeout_s)
        listening.close(sockets)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder that nobody else may enter."""
    folder = Path(tempfile.mkdtemp(prefix="slimgate-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _admin(
    settings: Settings, processes: GatewayProcesses, folder: Path, host: ServiceHost
) -> web.Application:
    """Put together what operators see of all processes."""
    access = Access(settings.admin)
    admin = web.Application(middlewares=[access.middleware()], client_max_size=MAX_FIELDS)
    registry = Aggregate(folder, lambda: processes.pids).registry()

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason = "draining" if host.ended.is_set() else await _not_ready_reason(processes)
        if reason is None:
            return web.Response(text="ready\n")
        return web.Response(text=f"{reason}\n", status=HTTPStatus.SERVICE_UNAVAILABLE)

    async def scrape(_: web.Request) -> web.Response:
        # Being asked makes each of them look at what it does not count.
        await processes.ask_all("/_slimgate/metrics")
        body = await asyncio.to_thread(generate_latest, registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    admin.router.add_get("/_slimgate/healthz", healthz)
    admin.router.add_get("/_slimgate/readyz", readyz)
    for path in ("/_slimgate/metrics", "/metrics"):
        admin.router.add_get(path, scrape)
    # Only one process knows an image that was tried there.
    forward_playground(admin, access, processes.operators(0))
    return admin


async def _not_ready_reason(processes: GatewayProcesses) -> str | None:
    """Give what keeps one of them from serving; None: nothing does."""
    for number, answer in enumerate(await processes.ask_all("/_slimgate/readyz")):
        if answer is None:
            return f"process {number} does not answer"
        if answer.status != HTTPStatus.OK:
            return answer.text.strip()
    return None
