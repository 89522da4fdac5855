"""Detect a hung child process, end it, and collect its stack dump.

A hung process keeps its connections and never exits, so waiting for its exit is not enough: it
sends heartbeats (:mod:`slimgate.models.engine.heartbeat`) from its event loop.
"""

import asyncio
import contextlib
import signal
import tempfile
from asyncio.subprocess import Process
from typing import IO, Final

_TICKS: Final = 10
"""Checks within the allowed silence."""

_DUMP_TIMEOUT_S: Final = 5.0
"""Time to write the stack dump; a stopped process never does."""

_MAX_STACKS: Final = 1 << 15
_READ: Final = 1 << 12


class HeartbeatMonitor:
    """Watch the standard output of a process, of which only the arrival of bytes counts.

    Args:
        process: The process; nothing else may read its standard output.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101  # it is started with a pipe
        self._stream = process.stdout
        self._heard = 0

    async def end(self, silence_s: float) -> None:
        """Wait until the process has been silent for the given time.

        Checks are counted rather than seconds: if this process, or the whole machine, was
        suspended, that counts as one check, and pending heartbeats are read before the next.
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
    """End a hung process: it dumps its stacks if it can, and is killed otherwise."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGABRT)
        try:
            async with asyncio.timeout(_DUMP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


class StackDump:
    """A file into which processes dump their stacks when a signal ends them.

    It has no name, so it vanishes with the last process that holds it.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    @property
    def number(self) -> int:
        """Return the file descriptor, opening the file if necessary."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by :meth:`close`
        return self._file.fileno()

    def take(self) -> str:
        """Return the dump and clear it; empty if there is none."""
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
