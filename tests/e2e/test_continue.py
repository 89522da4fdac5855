"""``100 Continue`` is interim: it never comes once the final response has begun."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.e2e import wire
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import Keys, S3Server

_TIMEOUT_S: Final = 20.0
_BODY: Final = b"<Error><Code>NoSuchUpload</Code></Error>"
_HEAD: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Store:
    """Ask for each body and refuse it in one segment; send the error when the client has the head.

    Attributes:
        heard: Set by the client that has received the head of the response.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.heard = threading.Event()

    def serve(self) -> None:
        """Answer connections one after the other until the listener is closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._refuse(connection)

    def _refuse(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(1 << 16)
            if not piece:
                return
            received += piece
        if b"\r\nexpect:" not in received.lower():
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(_CONTINUE + _HEAD)
        if self.heard.wait(_TIMEOUT_S):
            connection.sendall(_BODY)


@contextmanager
def _store() -> Iterator[tuple[_Store, S3Server]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        store = _Store(listener)
        thread = threading.Thread(target=store.serve)
        thread.start()
        try:
            port = listener.getsockname()[1]
            yield store, S3Server(f"http://127.0.0.1:{port}", (Keys("main", "main-secret"),))
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_nobody_is_asked_to_continue_behind_the_head_of_a_response(tmp_path: Path) -> None:
    """A store that asks and refuses at once does not get two responses mixed into one."""
    path = "/plain-bucket/k?partNumber=1&uploadId=none"
    with (
        _store() as (store, upstream),
        GatewayProcess(configuration(upstream), tmp_path) as process,
    ):
        server = upstream.at(process.endpoint)
        headers = wire.signed(server, "PUT", path, {"Expect": "100-continue"})
        lines = [f"PUT {path} HTTP/1.1", "Content-Length: 1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        host, port = server.host.split(":")
        with socket.create_connection((host, int(port)), _TIMEOUT_S) as client:
            client.sendall("\r\n".join([*lines, "", ""]).encode())
            received = b""
            while b" 404 " not in received or not received.endswith(b"\r\n\r\n"):
                received += client.recv(1 << 16)
            store.heard.set()
            while piece := client.recv(1 << 16):
                received += piece
    head, _, body = received.removeprefix(_CONTINUE).partition(b"\r\n\r\n")
    assert (head.split()[1], body) == (b"404", _BODY)
