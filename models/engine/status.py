"""Ask the engine's process about itself, over its socket."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal, Self

from slimgate.models.engine import wire

_TIMEOUT_S: Final = 1.0

RemoteState = Literal["new", "ready", "resting", "lost", "refused"]
"""State of an engine on another machine: not asked yet; takes images; takes none for now, because
it starts, stops or has failed its self-check; does not answer; must not be used."""

RemoteOutcome = Literal["done", "full", "failed", "late", "lost", "wrong"]
"""What became of an attempt to enlarge an image on one of them."""


@dataclass(frozen=True, slots=True)
class RemoteStatus:
    """An engine on another machine.

    Attributes:
        address: URL, and address if that is another one.
        state: whether it can be used.
        reason: particulars, for people.
        load: images that it has to enlarge, as far as known.
    """

    address: str
    state: RemoteState
    reason: str
    load: int


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What the engine's process does.

    Attributes:
        fill: share of batch slots that held a tile since it started, 0 to 1.
        remote: engines on other machines; None: the backend is another one.
        attempts: attempts on them since it started, by outcome.
    """

    fill: float = 0.0
    remote: tuple[RemoteStatus, ...] | None = None
    attempts: Mapping[str, int] = field(default_factory=dict)

    def packed(self) -> bytes:
        """Encode it as a response of the engine's process."""
        data = json.dumps(asdict(self)).encode()
        return wire.ANSWER.pack(wire.Status.DONE, len(data)) + data

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """Decode what follows the header of that response."""
        document = json.loads(data)
        if document["remote"] is not None:
            document["remote"] = tuple(RemoteStatus(**each) for each in document["remote"])
        return cls(**document)


async def engine_status(address: Path) -> EngineStatus | None:
    """Return what the engine's process does; None: it does not answer.

    Args:
        address: socket of the engine.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(address)
            try:
                writer.write(wire.STATUS_REQUEST)
                _, size = wire.ANSWER.unpack(await reader.readexactly(wire.ANSWER.size))
                return EngineStatus.loads(await reader.readexactly(size))
            finally:
                writer.close()
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return None
