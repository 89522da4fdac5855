"""Signals end a command in order: they never interrupt the event loop itself."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from slimgate.gateway.jobs.halt import Halt, Interrupted

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_MESSAGE: Final = "stopped: the same command goes on where this run has ended"


def cancel_on_signals() -> None:
    """Cancel the current task at SIGINT and SIGTERM, until its loop closes."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # coroutines run in tasks
    for each in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)


@contextmanager
def obey_signals(halt: Halt, task: "asyncio.Task[object]") -> Iterator[None]:
    """Let the first signal end a run in order, and the second one at once, within the block.

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
        cancel_on_signals()
