"""Listening sockets: opened before the server starts, emptied before they close."""

import socket
from collections.abc import Iterator
from typing import Final

import structlog

BACKLOG: Final = 1024
"""Connections that the kernel queues while the process is busy."""

UNSENT_BYTES: Final = 1 << 19
"""Bytes of responses that the kernel takes for a connection ahead of what its client has room for.

Two pieces of a body: with room for half of one or for one, the rest is sent later, past the turns
that bodies take on the event loop, and a hundred downloads hold small requests up twice as long.
Without a bound it takes up to 4 MiB (tcp(7), tcp_wmem) of a response that its client does not read:
memory that no limit of the gateway counts, and time to copy it.
"""

_log = structlog.get_logger(__name__)


class CannotListen(Exception):
    """An address cannot be used; the message says why and what to do."""


def listen(address: tuple[str, int], option: str) -> list[socket.socket]:
    """Listen on all addresses of a host.

    Args:
        address: Host, without brackets, and port; 0: any free port.
        option: The option or setting to name in an error.

    Raises:
        CannotListen: The address is in use, or is not an address of this machine.
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
        hint = f"set another address with {option}, or stop the process that uses it"
        raise CannotListen(f"{host}:{port}: {error.strerror or error}: {hint}") from error
    for each in opened:
        each.setblocking(False)
        bound_unsent(each)
    return opened


def bound_unsent(listener: socket.socket) -> None:
    """Bound what the kernel takes ahead of the client, for all connections of a listener.

    Accepted connections inherit it. What is on its way does not count, so that none gets slower.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def close(sockets: list[socket.socket]) -> None:
    """Close sockets in this process; inherited copies stay open."""
    for each in sockets:
        each.close()


def accept_pending(sockets: list[socket.socket]) -> Iterator[socket.socket]:
    """Accept the connections that are already queued, without waiting.

    Closing the socket would reset them, and their clients may have sent requests.
    """
    for each in sockets:
        try:
            while True:
                connection, _ = each.accept()
                yield connection
        except OSError:  # the queue is empty, or no descriptor is left
            continue


def log_addresses(event: str, sockets: list[socket.socket]) -> None:
    """Log the addresses of listening sockets."""
    for each in sockets:
        host, port = each.getsockname()[:2]
        _log.info(event, address=f"{host}:{port}")
