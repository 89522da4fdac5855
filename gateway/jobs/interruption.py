"""Signals: the first one lets a run end in order, the second one ends it at once."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from slimgate.gateway.jobs.halt import Halt, Interrupted

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_MESSAGE: Final = "stopped: the same command goes on where this run has ended"


@contextmanager
def obey_signals(halt: Halt, task: "asyncio.Task[object]") -> Iterator[None]:
    """Obey signals for the duration of the block.

    Args:
        halt: Begun by the first signal.
        task: Cancelled by the second one.
    """
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if halt.reason is None:
            halt.begin(Interrupted(_MESSAGE))
        else:
            task.cancel()

    for each in _SIGNALS:
        loop.add_signal_handler(each, stop)
    try:
        yield
    finally:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
