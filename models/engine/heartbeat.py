"""Signs of life of a process that another one keeps, sent from its event loop.

The keeper reads them from standard output, where ``ready`` came before. A loop that is stuck sends
none, whatever else of the process still runs.
"""

import asyncio
import contextlib
import faulthandler
import os
import sys
from typing import Final

STACKS: Final = "SLIMGATE_STACKS"
"""Variable with the number of the open file that takes the stacks of a process that is ended."""

PERIOD_S: Final = 1.0
_SIGN: Final = b"alive\n"


async def beat() -> None:
    """Send a sign of life each second, until nobody can read it any more."""
    number = sys.stdout.fileno()
    # A keeper that is stopped itself reads nothing; that must not stop this process.
    os.set_blocking(number, False)
    while True:
        with contextlib.suppress(BlockingIOError):
            try:
                os.write(number, _SIGN)
            except BrokenPipeError:
                return
        await asyncio.sleep(PERIOD_S)


def leave_stacks() -> None:
    """Write the stacks of all threads where the keeper finds them, should a signal end this one."""
    if number := os.environ.get(STACKS):
        faulthandler.enable(int(number))
