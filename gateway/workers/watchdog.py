"""Notice that a kept process hangs, end it, and read what it was at.

A process that hangs holds connections for ever and its exit never comes, so waiting for that is
not enough: it sends signs of life (:mod:`models.engine.heartbeat`) from its event loop.
"""

import asyncio
import contextlib
import signal
import tempfile
from asyncio.subprocess import Process
from typing import IO, Final

_TICKS: Final = 10
"""Looks at what was heard, within the time that a process may be silent."""

_DUMP_TIMEOUT_S: Final = 5.0
"""Time for writing stacks; a process that is stopped never does."""

_MAX_STACKS: Final = 1 << 15
_READ: Final = 1 << 12


class HeartbeatMonitor:
    """What a process says on its standard output, of which only that it comes counts.

    Args:
        process: Of which nothing else reads the standard output.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101  # it is started with a pipe
        self._stream = process.stdout
        self._heard = 0

    async def end(self, silence_s: float) -> None:
        """Wait until nothing has come for that long.

        Looks are counted rather than seconds: when this process, or the whole machine, was stopped
        for a while, that is one look, and the signs that wait are heard before the next one.
        """
        reading = asyncio.create_task(self._read())
        try:
            heard, silent = -1, 0
            while silent < _TICKS:
                heard, silent = self._heard, silent + 1 if heard == self._heard else 0
                await asyncio.sleep(silence_s / _TICKS)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        while await self._stream.read(_READ):
            self._heard += 1


async def abort(process: Process) -> None:
    """End a process that hangs: it leaves its stacks if it can, and is killed if it cannot."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGABRT)
        try:
            async with asyncio.timeout(_DUMP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


class StackDump:
    """A file in which processes, one after the other, leave their stacks when a signal ends them.

    It has no name, so that it is gone with the last process that has it open.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    @property
    def number(self) -> int:
        """Return the number of the open file, which is opened now at the latest."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by :meth:`close`
        return self._file.fileno()

    def take(self) -> str:
        """Return what was left, and forget it; empty when there is nothing."""
        if self._file is None:
            return ""
        self._file.seek(0)
        text = self._file.read(_MAX_STACKS).decode("utf-8", "replace")
        self._file.seek(0)
        self._file.truncate()
        return text

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
