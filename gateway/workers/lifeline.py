"""The lifeline of a worker: a connection to the process that forked it."""

import asyncio
import contextlib
import socket

from slimgate.gateway.workers.fork_server import NUMBER


class Lifeline:
    """Tells the number and the exit code of a process, and kills it when it is cut.

    Args:
        connection: A stream socket to the fork server, not blocking.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._heard = b""
        self._is_over = False

    @property
    def pid(self) -> int | None:
        """Return the process's number; None: not known yet."""
        return self._number(0)

    def exit_code(self) -> int | str | None:
        """Return how the process ended; None: it has not."""
        try:
            while not self._is_over and (heard := self._connection.recv(64)):
                self._heard += heard
            self._is_over = True
        except BlockingIOError:
            return self._number(1)
        except ConnectionError:
            self._is_over = True
        code = self._number(1)
        return "unknown" if code is None else code

    async def ended(self, timeout_s: float) -> int | str | None:
        """Wait for the end of the process, and return how it ended."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(timeout_s):
                while self.exit_code() is None:
                    heard = await loop.sock_recv(self._connection, 64)
                    self._heard += heard
                    self._is_over = not heard
        return self.exit_code()

    async def cut(self, timeout_s: float) -> None:
        """Kill the process, and wait for its end."""
        with contextlib.suppress(OSError):  # it has ended
            self._connection.shutdown(socket.SHUT_WR)
        await self.ended(timeout_s)
        self._connection.close()

    def _number(self, index: int) -> int | None:
        data = self._heard[index * NUMBER.size : (index + 1) * NUMBER.size]
        return int(NUMBER.unpack(data)[0]) if len(data) == NUMBER.size else None
