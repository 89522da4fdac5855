"""Query how full the engine's batches are, over its socket."""

import asyncio
import struct
from pathlib import Path
from typing import Final

from slimgate.models.engine import wire

_TIMEOUT_S: Final = 1.0
_FILL: Final = struct.Struct("!d")


def packed(fill: float) -> bytes:
    """Encode the engine's response."""
    return wire.ANSWER.pack(wire.Status.DONE, _FILL.size) + _FILL.pack(fill)


async def batch_fill(address: Path) -> float | None:
    """Return the share of batch slots that held a tile.

    Args:
        address: socket of the engine.

    Returns:
        Share since the engine started, 0 to 1; None without a response.
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
