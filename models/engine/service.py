"""The engine's process: it owns networks and queues, and serves codec workers.

One engine serves all workers, so that tiles of all images in flight share batches, and each network
is in memory once. It reads its configuration from standard input, writes ``ready`` and then
heartbeats to standard output, and exits when standard input closes, so it never outlives its
parent.
"""

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np

from slimgate.config import Engine
from slimgate.models.engine import heartbeat, wire
from slimgate.models.engine.images import Images, LocalImages, shaped
from slimgate.models.engine.loading import Restorers
from slimgate.models.engine.network import EngineError, Pixels
from slimgate.models.engine.status import EngineStatus
from slimgate.models.serving.remote_images import RemoteImages

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def serving(
    images: Images, address: Path, status: Callable[[], EngineStatus] = EngineStatus
) -> AsyncIterator[None]:
    """Serve requests on a Unix socket that only this user can access.

    Args:
        images: enlarges images.
        address: path of the socket, in a private folder.
        status: returns what the engine does.
    """
    connections: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # asyncio runs this in a task
        connections.add(task)
        try:
            await _Connection(images, reader, writer, status).serve()
        except asyncio.CancelledError:
            writer.close()  # the service is stopping; asyncio would log this as an error
        finally:
            connections.discard(task)

    server = await asyncio.start_unix_server(accept, address)
    try:
        yield
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


class _Connection:
    """A connection of one worker, which sends one image at a time."""

    def __init__(
        self,
        images: Images,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        status: Callable[[], EngineStatus],
    ) -> None:
        self._status = status
        self._images = images
        self._reader = reader
        self._writer = writer

    async def serve(self) -> None:
        """Serve until the peer disconnects."""
        try:
            while True:
                header = await self._reader.readexactly(wire.Request.LAYOUT.size)
                if header == wire.STATUS_REQUEST:
                    self._writer.write(self._status().packed())
                    continue
                await self._answer(wire.Request.unpack(header))
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the worker exited or was killed
        except wire.Broken as error:
            _log.error("disconnected a worker: %s", error)
        finally:
            self._writer.close()

    async def _answer(self, request: wire.Request) -> None:
        small = await self._reader.readexactly(request.small_bytes)
        try:
            full = await self._enlarged(request, small)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001  # any failure is reported to the worker
            message = str(error).encode()[: wire.MAX_MESSAGE]
            self._writer.write(wire.ANSWER.pack(wire.status_of(error), len(message)) + message)
        else:
            self._writer.write(wire.ANSWER.pack(wire.Status.DONE, full.nbytes))
            self._writer.write(np.ascontiguousarray(full).data.cast("B"))
        await self._writer.drain()

    async def _enlarged(self, request: wire.Request, small: bytes) -> Pixels:
        wanted = asyncio.ensure_future(
            self._images.enlarge(request, shaped(small, request.small_shape))
        )
        # A waiting worker sends nothing, so readable data or EOF means that it is gone.
        gone = asyncio.ensure_future(self._reader.read(1))
        try:
            waited_for: set[asyncio.Future[Any]] = {wanted, gone}
            await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise ConnectionResetError("the worker disconnected")
            return await wanted
        finally:
            wanted.cancel()
            gone.cancel()
            await asyncio.gather(wanted, gone, return_exceptions=True)


async def _main() -> None:
    loop = asyncio.get_running_loop()
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    document = json.loads(await stdin.readline())
    try:
        async with (
            _opened(document) as (images, status),
            serving(images, Path(document["address"]), status),
        ):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            alive = asyncio.create_task(heartbeat.beat())
            await stdin.read()
            alive.cancel()
    except (LookupError, EngineError) as error:
        sys.stdout.write(f"refused: {error}\n")


@contextlib.asynccontextmanager
async def _opened(
    document: dict[str, Any],
) -> AsyncIterator[tuple[Images, Callable[[], EngineStatus]]]:
    """Open the engine of a configuration: here, or the way to those on other machines.

    Raises:
        LookupError: a restorer is unknown.
        EngineError: a required network cannot run here.
    """
    engine = Engine.model_validate(document["engine"])
    if engine.backend == "remote":
        required = document["restorers"]
        async with RemoteImages(engine.remote, document["token"], required) as remote:
            yield remote, lambda: remote.status
        return
    restorers = Restorers(engine, timeout_s=document["timeout_s"])
    try:
        for content_hash in document["restorers"]:
            restorers(content_hash)
        yield LocalImages(restorers), lambda: EngineStatus(fill=restorers.fill)
    finally:
        restorers.close()


if __name__ == "__main__":
    heartbeat.leave_stacks()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    asyncio.run(_main())
