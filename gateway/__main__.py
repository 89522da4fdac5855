"""The command line: ``python -m gateway --config FILE`` serves, ``… check`` only validates.

The other commands are tools that work on a bucket directly.
"""

import argparse
import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog
import uvloop
from aiohttp import web

import models
from config import ConfigError, Policies, Settings, config_path, effective, load
from gateway import logs
from gateway.admin import Readiness, create_admin
from gateway.allocator import keep_freed_memory
from gateway.app import create_app, runner_options
from gateway.engine import CannotStart
from gateway.exchange import SERVICES, Services
from gateway.tools import arguments as tools
from gateway.tools import commands

_POLL_S = 2.0
_log = structlog.get_logger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0, 1 when the address cannot be used or a tool failed, or 2 when the configuration is not
        valid.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in tools.NAMES:
        return commands.main(words)
    options = _parser().parse_args(words)
    try:
        settings = _load(options.config, options.listen)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.command == "check":
        sys.stdout.write(effective(settings))
        return 0
    logs.configure()
    keep_freed_memory()
    return uvloop.run(_serve(settings, options.config))


def _parser() -> argparse.ArgumentParser:
    epilog = f"Tools: {', '.join(tools.NAMES)}; python -m gateway TOOL --help tells more."
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__, epilog=epilog)
    parser.add_argument("command", nargs="?", choices=["serve", "check"], default="serve")
    parser.add_argument("--config", type=Path, default=config_path(os.environ), metavar="FILE")
    parser.add_argument("--listen", metavar="HOST:PORT", help="instead of what the file says")
    return parser


def _load(path: Path, listen: str | None) -> Settings:
    environ = dict(os.environ)
    if listen is not None:
        environ["SLIMGATE_LISTEN"] = listen
    return load(path, environ=environ, known_restorers=models.NAMES)


async def _serve(settings: Settings, path: Path) -> int:
    """Serve until SIGTERM or SIGINT; requests in flight are finished first.

    Returns:
        0, or 1 when the engine or the address cannot be used.
    """
    # Before anybody is told that this process listens: a signal without a handler would end it.
    ended, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    app = create_app(settings)
    options: dict[str, Any] = runner_options(settings)
    runner = web.AppRunner(app, **options)
    operators = web.AppRunner(
        create_admin(settings.admin, app[SERVICES], Readiness(app[SERVICES])), access_log=None
    )
    async with AsyncExitStack() as stack:
        # Operators are told that it drains for as long as it does.
        stack.push_async_callback(operators.cleanup)
        stack.push_async_callback(runner.cleanup)
        try:
            await runner.setup()
        except CannotStart as error:
            _log.error("cannot start", reason=str(error))
            return 1
        await operators.setup()
        if settings.admin.address and not await _listen(
            operators, settings.admin.address, "listening for operators", "admin.listen"
        ):
            return 1
        if not await _listen(runner, settings.address, "listening", "--listen"):
            return 1
        watcher = asyncio.create_task(_watch(app, path, reload))
        await ended.wait()
        watcher.cancel()
        await _drain(runner, app[SERVICES], settings.shutdown_timeout_s)
    return 0


async def _drain(runner: web.AppRunner, services: Services, timeout_s: float) -> None:
    """Take no more connections, and wait for what is in flight."""
    for site in list(runner.sites):
        await site.stop()
    _log.info("draining", timeout_s=timeout_s)
    unfinished = await services.drain.finish(timeout_s)
    if unfinished:
        hint = "raise shutdown_timeout_s to give them more time"
        _log.error("requests were cut off", requests=unfinished, hint=hint)


async def _listen(runner: web.AppRunner, address: tuple[str, int], event: str, option: str) -> bool:
    """Listen, and log where; tell whether that was possible.

    Args:
        runner: What serves there.
        address: Host, without brackets, and port.
        event: What the log calls it.
        option: What to say where else to listen with.
    """
    host, port = address
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        hint = f"give another address with {option}, or stop what listens there"
        _log.error("cannot listen", address=f"{host}:{port}", reason=str(error), hint=hint)
        return False
    for bound in runner.addresses:
        _log.info(event, address=f"{bound[0]}:{bound[1]}")
    return True


async def _watch(app: web.Application, path: Path, reload: asyncio.Event) -> None:
    """Load the policies anew on SIGHUP and whenever the file has changed."""
    seen = _stamp(path)
    while True:
        try:
            await asyncio.wait_for(reload.wait(), _POLL_S)
        except TimeoutError:
            if _stamp(path) == seen:
                continue
        reload.clear()
        seen = _stamp(path)
        _reload(app, path)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _reload(app: web.Application, path: Path) -> None:
    try:
        settings = _load(path, None)
    except ConfigError as error:
        _log.error("configuration not reloaded: the old policies stay", problems=str(error))
        return
    app[SERVICES].policies = Policies(settings.policies)
    _log.info("policies reloaded", policies=[policy.name for policy in settings.policies])


if __name__ == "__main__":
    sys.exit(main())
