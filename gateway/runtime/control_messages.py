"""What a supervisor tells the processes that it keeps, over their standard input."""

import asyncio
import pickle
from pathlib import Path
from typing import Final, NamedTuple

from config import Policy, Settings

_LENGTH_BYTES: Final = 4


class Start(NamedTuple):
    """The first message: serve.

    Attributes:
        number: Which process it is, from 0.
        settings: What it may use.
        sockets: Numbers of the open sockets that it inherits, and listens to.
        engine: Socket of the engine process.
        operators: Where it answers what the supervisor asks on behalf of operators.
    """

    number: int
    settings: Settings
    sockets: tuple[int, ...]
    engine: Path
    operators: Path


class SetPolicies(NamedTuple):
    """Treat requests by other policies from now on."""

    policies: tuple[Policy, ...]


class ReloadCertificate(NamedTuple):
    """Show clients what the files of the certificate hold now."""


Message = Start | SetPolicies | ReloadCertificate


def encode(message: Message) -> bytes:
    """Return a message as bytes; secrets are in it in plain, for the eyes of one process alone."""
    data = pickle.dumps(message)
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """Wait for the next message; None: there will be none any more, for the supervisor is gone."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        data = await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None
    message: Message = pickle.loads(data)  # noqa: S301  # from the process that started this one
    return message
