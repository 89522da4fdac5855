"""Bodies of unknown length, on disk, within a bound on all of them."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from typing import Final

from slimgate.gateway.http.byte_budget import Quota
from slimgate.gateway.s3.errors import S3Error

_IN_MEMORY: Final = 1 << 20
_PIECE: Final = 1 << 18


class SpooledFile:
    """A file that is written once and read once; small ones stay in memory.

    Args:
        room: Bytes of bodies on disk.
    """

    def __init__(self, room: Quota) -> None:
        self._room = room
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed by close()
        self.size = 0

    async def write(self, piece: bytes) -> None:
        """Append bytes.

        Raises:
            S3Error: SlowDown, or EntityTooLarge if the file alone exceeds the bound.
        """
        if not self._room.reserve(len(piece)):
            alone = self.size + len(piece) > self._room.total
            raise S3Error("EntityTooLarge" if alone else "SlowDown")
        self.size += len(piece)
        await asyncio.to_thread(self._file.write, piece)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Read everything from the start."""
        self._file.seek(0)
        while piece := await asyncio.to_thread(self._file.read, _PIECE):
            yield piece

    def close(self) -> None:
        """Delete the file and release its room; further calls have no effect."""
        self._room.release(self.size)
        self.size = 0
        self._file.close()
