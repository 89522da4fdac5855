"""Messages from the supervisor to its processes, over their standard input."""

import asyncio
import pickle
from pathlib import Path
from typing import Final, NamedTuple

from slimgate.config import Policy, Settings

_LENGTH_BYTES: Final = 4


class Start(NamedTuple):
    """The first message: start serving.

    Attributes:
        number: Index of the process, from 0.
        settings: Its settings, with its share of the limits.
        sockets: File descriptors of the inherited listening sockets.
        engine: Socket of the engine process.
        operators: Socket on which it answers the supervisor's admin requests.
    """

    number: int
    settings: Settings
    sockets: tuple[int, ...]
    engine: Path
    operators: Path


class SetPolicies(NamedTuple):
    """Use new policies from now on."""

    policies: tuple[Policy, ...]


class ReloadCertificate(NamedTuple):
    """Reload the certificate files."""


class ReloadCredentials(NamedTuple):
    """Read the credentials file again."""


Message = Start | SetPolicies | ReloadCertificate | ReloadCredentials


def encode(message: Message) -> bytes:
    """Return a message as bytes; it contains secrets in plain text, for one process only."""
    data = pickle.dumps(message)
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """Return the next message; None: the supervisor is gone."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        data = await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None
    message: Message = pickle.loads(data)  # noqa: S301  # from the process that started this one
    return message
