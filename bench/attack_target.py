"""Where attacks go, and for how long."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

SOURCE: Final = "127.0.0.1"
"""Address of the attackers; other clients have another one."""


@dataclass(frozen=True, slots=True)
class Target:
    """Addresses of a gateway.

    Attributes:
        address: IP address and port.
        operators: those of its admin listener.
        upload: presigned path and query of an upload that workers get.
        redis: port of its Redis; 0: none.
        seconds: duration of the attack.
    """

    address: tuple[str, int]
    operators: tuple[str, int]
    upload: str
    redis: int
    seconds: float


Attack = Callable[[Target], Awaitable[None]]


async def together(target: Target, one: Callable[[], Awaitable[None]], connections: int) -> None:
    """Do the same many times at once, until the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(target.seconds):
            await asyncio.gather(*(one() for _ in range(connections)))
