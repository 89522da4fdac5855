"""Start the engine process, watch over it, and end it."""

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Collection
from pathlib import Path
from typing import Final, Self

import structlog

from config import Engine
from gateway import metrics

TIMEOUT_S: Final = 60.0
"""Longest time for restoring one image."""

_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 10.0
_LONGEST_PAUSE_S: Final = 30.0

_log = structlog.get_logger(__name__)


class CannotStart(Exception):
    """The engine process does not come up; the message says why."""


class EngineProcess:
    """The process that runs networks for all codec workers; a lost one is replaced.

    Args:
        engine: What runs networks, and within which limits.
        restorers: Hashes of the networks that have to run; others are loaded when they are needed.
    """

    def __init__(self, engine: Engine, restorers: Collection[str] = ()) -> None:
        self._document = {
            "engine": engine.model_dump(mode="json"),
            "timeout_s": TIMEOUT_S,
            "restorers": sorted(restorers),
        }
        # Nobody else may enter the folder, so nobody else can reach the socket in it.
        self._folder = Path(tempfile.mkdtemp(prefix="slimgate-"))
        self._watch: asyncio.Task[None] | None = None

    @property
    def address(self) -> Path:
        """Give the path of its socket, the same for all that follow one another."""
        return self._folder / "engine"

    async def __aenter__(self) -> Self:
        process = await self._start()
        self._watch = asyncio.create_task(self._replace(process))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _start(self) -> Process:
        self.address.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "models.service", stdin=PIPE, stdout=PIPE
        )
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        document = json.dumps({**self._document, "address": str(self.address)})
        process.stdin.write(document.encode() + b"\n")
        said = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_START_TIMEOUT_S):
                await process.stdin.drain()
                said = await process.stdout.readline()
        if said != b"ready\n":
            await _end(process)
            reason = said.decode().strip() or "its output says why"
            raise CannotStart(f"the engine process did not start: {reason}")
        return process

    async def _replace(self, process: Process) -> None:
        """Start another one whenever one is lost, less eagerly when they do not last."""
        pause_s = 0.0
        try:
            while True:
                started = time.monotonic()
                code = await process.wait()
                metrics.ENGINE_LOST.inc()
                lasted = time.monotonic() - started > _LONGEST_PAUSE_S
                pause_s = 0.0 if lasted else min(_LONGEST_PAUSE_S, pause_s * 2 or 1.0)
                _log.error("the engine process was lost", exit_code=code, pause_s=pause_s)
                await asyncio.sleep(pause_s)
                process = await self._started_again(process)
        finally:
            await _end(process)

    async def _started_again(self, lost: Process) -> Process:
        try:
            return await self._start()
        except CannotStart as error:
            _log.error("the engine process was not replaced", reason=str(error))
            return lost


async def _end(process: Process) -> None:
    """Close its standard input, which ends it; insist where it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
