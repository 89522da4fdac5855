"""What the operating system tells a gateway by signals, and what it tells systemd.

The protocol of sd_notify(3) is one datagram of text; the man page asks for no library.
"""

import asyncio
import contextlib
import os
import signal
import socket
import time
from typing import Final, Self

_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"


class ServiceHost:
    """The signals that came, from ``async with`` to the end of its block; systemd is kept informed.

    Attributes:
        ended: Set by SIGTERM and SIGINT.
        reload: Set by SIGHUP.
    """

    def __init__(self) -> None:
        self.ended, self.reload = asyncio.Event(), asyncio.Event()
        self._watchdog: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ended.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload.set)
        period_s = watchdog_period_s()
        if period_s is not None:
            self._watchdog = asyncio.create_task(_send_heartbeats(period_s))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watchdog

    def ready(self) -> None:
        """Say that requests are served, or that what was new has been taken."""
        notify("READY=1")

    def reloading(self) -> None:
        """Say that what is new is being taken."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        notify(f"RELOADING=1\nMONOTONIC_USEC={now_us}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        notify("STOPPING=1")


def notify(text: str) -> None:
    """Tell systemd, where there is one that wants to know."""
    address = os.environ.get(_SOCKET)
    if not address:
        return
    # A name in the abstract namespace is written with @ for its zero byte.
    where = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(where)
        sender.send(text.encode())


def watchdog_period_s() -> float | None:
    """Give how often systemd wants to hear from this process; None: not at all."""
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    text = os.environ.get(_WATCHDOG, "")
    # Twice within the time that it waits, as sd_watchdog_enabled(3) recommends.
    return int(text) / 2e6 if mine and text.isdecimal() and int(text) else None


async def _send_heartbeats(period_s: float) -> None:
    """Say so for as long as the event loop runs: one that hangs is to be restarted."""
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(period_s)
