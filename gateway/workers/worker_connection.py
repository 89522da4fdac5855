"""The gateway's end of its connection to a worker, on the event loop."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path

from slimgate.gateway.workers import messages
from slimgate.gateway.workers.messages import Kind, Message, Violation


class WorkerConnection:
    """Sends and receives messages.

    Args:
        connection: A stream socket, not blocking.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send_first(self, document: bytes) -> None:
        """Send START at once: it fits into the empty buffer of a new connection.

        Raises:
            ConnectionError: The worker is gone.
        """
        self._connection.send(messages.head(Kind.START, document, 0))

    async def send(self, kind: Kind, document: bytes, body: bytes) -> None:
        """Send a message.

        Raises:
            ConnectionError: The worker is gone.
        """
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._connection, messages.head(kind, document, len(body)))
        await loop.sock_sendall(self._connection, body)

    async def receive(self, max_body: int = 0) -> Message:
        """Wait for a message.

        Args:
            max_body: Most bytes of a file.

        Raises:
            EOFError, ConnectionError: The worker is gone.
            Violation: The message is none, or too long.
        """
        head = await self._received(messages.HEAD.size)
        kind, document, body = messages.unpacked(head, max_body)
        return Message(kind, await self._received(document), await self._received(body))

    async def grant(self, engine: Path) -> None:
        """Answer CONNECT: open a connection to the engine and hand it over.

        Raises:
            ConnectionError: The worker is gone.
            Violation: It does not read.
        """
        loop = asyncio.get_running_loop()
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as opened:
            opened.setblocking(False)
            try:
                await loop.sock_connect(opened, str(engine))
                granted, descriptors = messages.GRANTED, [opened.fileno()]
            except OSError:  # the worker's request to the engine fails, with a reason
                granted, descriptors = messages.DENIED, []
            opened.setblocking(True)
            try:
                socket.send_fds(self._connection, [granted], descriptors)
            except BlockingIOError as error:
                raise Violation("it does not read") from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def _received(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = await loop.sock_recv_into(self._connection, view)
            if count == 0:
                raise EOFError("the worker is gone")
            view = view[count:]
        return bytes(data)
