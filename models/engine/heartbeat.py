"""Heartbeats of a supervised process, sent from its event loop.

The supervisor reads them from standard output, after ``ready``. A blocked event loop sends none,
even if other threads still run.
"""

import asyncio
import contextlib
import faulthandler
import os
import sys
from typing import Final

STACKS: Final = "SLIMGATE_STACKS"
"""Variable with the file descriptor for the stacks of a killed process."""

PERIOD_S: Final = 1.0
_SIGN: Final = b"alive\n"


async def beat() -> None:
    """Send a heartbeat every second, until the pipe closes."""
    number = sys.stdout.fileno()
    # A stopped supervisor does not read; that must not block this process.
    os.set_blocking(number, False)
    while True:
        with contextlib.suppress(BlockingIOError):
            try:
                os.write(number, _SIGN)
            except BrokenPipeError:
                return
        await asyncio.sleep(PERIOD_S)


def leave_stacks() -> None:
    """Write the stacks of all threads to the supervisor's file if a signal kills this process."""
    if number := os.environ.get(STACKS):
        faulthandler.enable(int(number))
