"""Sockets that listen: opened before anybody serves them, and emptied before they are closed."""

import socket
from collections.abc import Iterator
from typing import Final

import structlog

BACKLOG: Final = 1024
"""Connections that may wait while the process does something else."""

_log = structlog.get_logger(__name__)


class CannotListen(Exception):
    """The address cannot be used; the message says why, and what to do."""


def listen(address: tuple[str, int], option: str) -> list[socket.socket]:
    """Listen on all addresses that a host has.

    Args:
        address: Host, without brackets, and port; 0: any free one.
        option: What to say where else to listen with.

    Raises:
        CannotListen: Something listens there already, or it is no address of this machine.
    """
    host, port = address
    opened: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, *_, where in dict.fromkeys(found):
            opened.append(socket.create_server(where, family=family, backlog=BACKLOG))
    except OSError as error:
        for each in opened:
            each.close()
        hint = f"give another address with {option}, or stop what listens there"
        raise CannotListen(f"{host}:{port}: {error.strerror or error}: {hint}") from error
    for each in opened:
        each.setblocking(False)
    return opened


def close(sockets: list[socket.socket]) -> None:
    """Close sockets; they stay open where other processes have inherited them."""
    for each in sockets:
        each.close()


def accept_pending(sockets: list[socket.socket]) -> Iterator[socket.socket]:
    """Accept the connections that wait already, without waiting for any more.

    Closing a socket resets them: their clients have sent requests, perhaps.
    """
    for each in sockets:
        try:
            while True:
                connection, _ = each.accept()
                yield connection
        except OSError:  # there are none, or none can be taken any more
            continue


def log_addresses(event: str, sockets: list[socket.socket]) -> None:
    """Log where it listens."""
    for each in sockets:
        host, port = each.getsockname()[:2]
        _log.info(event, address=f"{host}:{port}")
