"""A server that answers with bytes that were written before."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class Scripted:
    """A server that answers each request on a connection with the next bytes, then closes it.

    Args:
        connections: Answers on each connection.

    Attributes:
        heads: What came up to each empty line.
    """

    def __init__(self, *connections: Sequence[bytes]) -> None:
        self._left = list(connections)
        self.heads: list[bytes] = []
        self._tasks: list[asyncio.Task[None] | None] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Serve, and yield the address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*(each for each in self._tasks if each is not None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self._left.pop(0)
        self._tasks.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            for answer in script:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()
