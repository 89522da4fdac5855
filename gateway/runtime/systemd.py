"""Signals of the operating system, and notifications to systemd.

The protocol of sd_notify(3) is one text datagram; its manual page recommends implementing it
without a library.
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
    """Receive signals and notify systemd for the duration of an ``async with`` block.

    Attributes:
        ended: Set on SIGTERM and SIGINT.
        reload: Set on SIGHUP.
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
        """Notify that startup or a reload has finished."""
        notify("READY=1")

    def reloading(self) -> None:
        """Notify that a reload has begun."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        notify(f"RELOADING=1\nMONOTONIC_USEC={now_us}")

    def stopping(self) -> None:
        """Notify that shutdown has begun."""
        notify("STOPPING=1")


def notify(text: str, *, may_be_lost: bool = False) -> None:
    """Send a notification to systemd, if it expects one.

    Args:
        text: What to say.
        may_be_lost: Drop it rather than wait for a systemd that does not read.
    """
    address = os.environ.get(_SOCKET)
    if not address:
        return
    # "@" stands for the leading zero byte of an abstract socket name.
    where = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(where)
        sender.send(text.encode(), socket.MSG_DONTWAIT if may_be_lost else 0)


def watchdog_period_s() -> float | None:
    """Return the period of watchdog notifications, seconds; None: none are expected."""
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    text = os.environ.get(_WATCHDOG, "")
    # Half of the timeout, as sd_watchdog_enabled(3) recommends.
    return int(text) / 2e6 if mine and text.isdecimal() and int(text) else None


async def _send_heartbeats(period_s: float) -> None:
    """Notify the watchdog while the event loop runs; systemd restarts a hung process."""
    while True:
        notify("WATCHDOG=1", may_be_lost=True)
        await asyncio.sleep(period_s)
