"""A TCP proxy that changes what passes, or breaks everything off at a chosen byte."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from tests.servers.server import S3Server

_PIECE: Final = 1 << 14
# SO_LINGER with no time: the connection is broken off, not ended.
_BREAK_OFF: Final = struct.pack("ii", 1, 0)

Edit = Callable[[bytes], bytes]
"""Receives each piece on its way to the server, and returns its replacement."""


class Proxy:
    """Stand before a server.

    Attributes:
        endpoint: Its own URL.
        passed: Bytes that have passed so far, both ways together.

    Args:
        server: Whom to stand before.
        edit: Sees what goes to the server.
    """

    def __init__(self, server: S3Server, edit: Edit = lambda piece: piece) -> None:
        parts = urlsplit(server.endpoint)
        self._behind = (parts.hostname or "", parts.port or 80)
        self._edit = edit
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._cut_at: int | None = None
        self._on_cut: Callable[[], None] = lambda: None
        self.passed = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, after: int, on_cut: Callable[[], None] = lambda: None) -> None:
        """Break off all connections once, when so many more bytes have passed.

        Args:
            after: How many; what comes after them does not pass.
            on_cut: Called right before.
        """
        with self._lock:
            self._cut_at, self._on_cut = self.passed + after, on_cut

    def disarm(self) -> None:
        """Let everything pass."""
        with self._lock:
            self._cut_at = None

    def close(self) -> None:
        """Abort the remaining connections."""
        with contextlib.suppress(OSError):
            # Wakes the thread that accepts; closing alone does not.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._break_off_all()

    def _break_off_all(self) -> None:
        with self._lock:
            ended, self._sockets = self._sockets, set()
        for each in ended:
            _break_off(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._behind)
            except OSError:
                return
            with self._lock:
                self._sockets |= {client, server}
            for source, sink, edit in ((client, server, self._edit), (server, client, None)):
                pump = threading.Thread(target=self._pump, args=(source, sink, edit), daemon=True)
                pump.start()

    def _pump(self, source: socket.socket, sink: socket.socket, edit: Edit | None) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                shown = edit(piece) if edit else piece
                room, cut = self._room(len(shown))
                sink.sendall(shown[:room])
                if cut is not None:
                    cut()
                    self._break_off_all()
                    return
            sink.shutdown(socket.SHUT_WR)

    def _room(self, wanted: int) -> tuple[int, Callable[[], None] | None]:
        """Return how many bytes may pass, and what to call when that is the end."""
        with self._lock:
            cut_at = self._cut_at
            if cut_at is None or self.passed + wanted < cut_at:
                self.passed += wanted
                return wanted, None
            room, self.passed, self._cut_at = cut_at - self.passed, cut_at, None
            return room, self._on_cut


def _break_off(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _BREAK_OFF)
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def proxied(server: S3Server, edit: Edit = lambda piece: piece) -> Iterator[tuple[Proxy, S3Server]]:
    """Run a proxy; yield it, and the server as seen through it."""
    proxy = Proxy(server, edit)
    try:
        yield proxy, server.at(proxy.endpoint)
    finally:
        proxy.close()
