"""How full the batches of the engine are: asked for over its socket by whoever shows it."""

import asyncio
import struct
from pathlib import Path
from typing import Final

from models.engine import wire

_TIMEOUT_S: Final = 1.0
_FILL: Final = struct.Struct("!d")


def packed(fill: float) -> bytes:
    """Write the engine's answer."""
    return wire.ANSWER.pack(wire.Status.DONE, _FILL.size) + _FILL.pack(fill)


async def batch_fill(address: Path) -> float | None:
    """Ask an engine for the share of the places in its batches that held a tile.

    Args:
        address: Its socket.

    Returns:
        From 0 to 1, since it was started; None when there is no answer.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(address)
            try:
                writer.write(wire.FILL_REQUEST)
                answer = await reader.readexactly(wire.ANSWER.size + _FILL.size)
            finally:
                writer.close()
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return None
    fill: float = _FILL.unpack_from(answer, wire.ANSWER.size)[0]
    return fill
