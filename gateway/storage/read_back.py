"""Read a completed multipart upload back, within the memory for bodies."""

import asyncio

from slimgate.codec.containers import SNIFFED
from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.http.byte_blocks import ByteQueue
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.storage.messages import UNREACHABLE, Response


class ReadBack:
    """A completed upload, as the source of an image.

    Args:
        response: Response to GET.
        buffers: Bytes held in memory.
    """

    def __init__(self, response: Response, buffers: ByteBudget) -> None:
        self._response = response
        self._buffers = buffers
        self._head = b""
        self._held = 0

    @property
    def size(self) -> int:
        """Return the size, bytes."""
        return self._response.content_length or 0

    async def peek(self) -> bytes:
        """Return the first bytes.

        Raises:
            Refused: READ_BACK.
        """
        try:
            self._head = await self._response.content.readexactly(min(SNIFFED, self.size))
        except (asyncio.IncompleteReadError, *UNREACHABLE) as error:
            raise Refused(Reason.READ_BACK) from error
        return self._head

    async def read(self) -> bytes:
        """Return the whole object.

        Raises:
            Refused: BUFFERS or READ_BACK.
        """
        if not self._buffers.reserve(self.size):
            raise Refused(Reason.BUFFERS)
        self._held = self.size
        try:
            data = await self._rest()
        except UNREACHABLE as error:
            raise Refused(Reason.READ_BACK) from error
        # Release this connection: waiting for another while holding it could deadlock.
        self._response.let_go()
        return data

    async def _rest(self) -> bytes:
        pieces = ByteQueue()
        pieces.append(self._head)
        async for piece in self._response.content.iter_any():
            pieces.append(piece)
        if pieces.size != self._held:
            raise Refused(Reason.READ_BACK)
        return await pieces.whole()

    def release(self) -> None:
        """Release its memory."""
        self._buffers.release(self._held)
        self._held = 0
