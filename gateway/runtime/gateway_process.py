"""Run one of several gateway processes; the supervisor starts this module.

It reads messages from its standard input, writes ``ready`` and then heartbeats to its standard
output, and drains on SIGTERM or when its standard input closes.
"""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import uvloop

from slimgate.config import ConfigError
from slimgate.gateway.http.tls import BadCertificate
from slimgate.gateway.runtime import control_messages
from slimgate.gateway.runtime.malloc import keep_freed_memory
from slimgate.gateway.runtime.server import Server
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.telemetry import logs
from slimgate.models.engine import heartbeat


async def _main() -> int:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the supervisor sends reloads
    told = asyncio.StreamReader(limit=1 << 16)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(told), sys.stdin)
    start = await control_messages.receive(told)
    if not isinstance(start, control_messages.Start):
        return 1
    logs.configure(process=start.number)
    try:
        async with Server(start.settings, engine=start.engine) as server:
            if start.number == 0:
                await server.log_startup_checks()  # once for all processes
            await server.listen_to_operators([_unix(start.operators)])
            await server.listen([socket.socket(fileno=number) for number in start.sockets])
            _say("ready")
            alive = asyncio.create_task(heartbeat.beat())
            await _follow_supervisor(server, told, ended)
            await server.drain()
        alive.cancel()
    except (CannotStart, BadCertificate, ConfigError) as error:
        _say(str(error))
        return 1
    return 0


async def _follow_supervisor(
    server: Server, told: asyncio.StreamReader, ended: asyncio.Event
) -> None:
    """Handle messages until the end."""
    ending = asyncio.create_task(ended.wait())
    obeying = asyncio.create_task(_follow_messages(server, told))
    await asyncio.wait({ending, obeying}, return_when=asyncio.FIRST_COMPLETED)
    for task in (ending, obeying):
        task.cancel()
    await asyncio.gather(ending, obeying, return_exceptions=True)


async def _follow_messages(server: Server, told: asyncio.StreamReader) -> None:
    while (message := await control_messages.receive(told)) is not None:
        if isinstance(message, control_messages.SetPolicies):
            server.set_policies(message.policies)
        elif isinstance(message, control_messages.ReloadCertificate):
            server.reload_certificate()
        elif isinstance(message, control_messages.ReloadCredentials):
            await server.reload_credentials()


def _unix(path: Path) -> socket.socket:
    """Listen in the supervisor's private folder."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.setblocking(False)
    return listener


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    heartbeat.leave_stacks()
    keep_freed_memory()
    sys.exit(uvloop.run(_main()))
