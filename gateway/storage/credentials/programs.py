"""Run the programs of profiles (``credential_process``), and end those that hang."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from typing import Any

from aiobotocore.credentials import AioProcessProvider


class Program:
    """A program that ends with the attempt to read what it writes.

    Args:
        process: Its process, the first of a session.
    """

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def returncode(self) -> int | None:
        """Return its exit code; None: it has not ended."""
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """Return what it writes to standard output and standard error."""
        try:
            return await self._process.communicate()
        finally:
            if self.returncode is None:  # cancelled: nothing else would end it
                _kill(self._process)


async def started(*command: str, **options: Any) -> Program:
    """Start a program, as :func:`asyncio.create_subprocess_exec` does."""
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(*command, **options, start_new_session=True)
    )
    try:
        return Program(await asyncio.shield(starting))
    except asyncio.CancelledError:
        starting.add_done_callback(_kill_started)
        raise


def _kill_started(starting: "asyncio.Task[Process]") -> None:
    if not starting.cancelled() and starting.exception() is None:
        _kill(starting.result())


def _kill(process: Process) -> None:
    """Kill a program and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end_hanging_programs() -> None:
    """Let all profiles start their programs this way, also those that others refer to."""
    AioProcessProvider.__init__.__kwdefaults__["popen"] = started
