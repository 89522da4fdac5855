"""Restorers in codec workers: clients of the engine's process."""

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from slimgate.models.engine import wire
from slimgate.models.engine.downscaling import with_downscaler
from slimgate.models.engine.network import Pixels, TooLate, Unreachable
from slimgate.models.registry import catalog
from slimgate.models.registry.catalog import Restorer


class Remote:
    """A connection to the engine, opened on first use; not thread-safe.

    Args:
        address: path of the engine's socket, or a function that connects to it.
        timeout_s: idle timeout of the engine, seconds.
    """

    def __init__(self, address: Path | Callable[[], socket.socket], *, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    def enlarge(self, request: wire.Request, small: Pixels) -> Pixels:
        """Enlarge an image.

        Args:
            request: restorer, scale and size.
            small: uint8, of the small shape of the request.

        Returns:
            uint8, of the full shape of the request.

        Raises:
            LookupError: the engine does not have that restorer.
            Unreachable: the engine is gone.
            EngineError: the engine failed.
        """
        reused = self._socket is not None
        try:
            return self._asked(request, small)
        except Unreachable:
            if not reused:
                raise
        # The engine was replaced since the last request: connect to the new one.
        return self._asked(request, small)

    def _asked(self, request: wire.Request, small: Pixels) -> Pixels:
        try:
            connection = self._connected()
            connection.sendall(request.pack())
            connection.sendall(np.ascontiguousarray(small).data.cast("B"))
            status, size = wire.ANSWER.unpack(_received(connection, wire.ANSWER.size))
            if status == wire.Status.DONE:
                return self._pixels(connection, request, size)
            message = _received(connection, min(size, wire.MAX_MESSAGE))
        except TimeoutError as error:
            self.close()
            raise TooLate(f"no response from the engine within {self._timeout_s:g} s") from error
        except (OSError, EOFError) as error:
            self.close()
            raise Unreachable(f"the engine cannot be reached: {error}") from error
        raise wire.error_of(status, bytes(message))

    def close(self) -> None:
        """Close the connection; the next request reconnects."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            if isinstance(self._address, Path):
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.connect(str(self._address))
            else:
                self._socket = self._address()
            self._socket.settimeout(self._timeout_s)
        return self._socket

    def _pixels(self, connection: socket.socket, request: wire.Request, size: int) -> Pixels:
        if size != request.full_bytes:
            self.close()
            raise wire.Broken(f"the engine answered with {size} bytes, not {request.full_bytes}")
        return np.frombuffer(_received(connection, size), np.uint8).reshape(request.full_shape)


class RemoteRestorer:
    """One restorer of the engine.

    Args:
        remote: connection to the engine.
        content_hash: hash of the restorer, 16 hex digits.
    """

    def __init__(self, remote: Remote, content_hash: str) -> None:
        self._remote = remote
        self._hash = content_hash

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        """Enlarge an image; see `NetworkRestorer.upscale`."""
        height, width = pixels.shape[:2]
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        request = wire.Request(self._hash, scale, level, height, width, channels)
        return self._remote.enlarge(request, pixels)


class Upscalers:
    """Finds restorers by hash: interpolation in this process, networks in the engine.

    Args:
        remote: connection to the engine.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def __call__(self, restorer: str, /) -> Restorer:
        """Return the restorer of a hash, 16 hex digits.

        Raises:
            LookupError: this version does not have it.
        """
        card = catalog.hashed(restorer)
        if not card.is_network:
            return card.load()
        return with_downscaler(card, partial(RemoteRestorer, self._remote))


def _received(connection: socket.socket, size: int) -> bytearray:
    """Read exactly `size` bytes.

    Raises:
        EOFError: the peer closed the connection.
    """
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise EOFError("the peer closed the connection")
        view = view[count:]
    return data
