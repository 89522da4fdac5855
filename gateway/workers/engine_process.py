"""The engine process: one runs networks for all codec workers of all gateway processes."""

import json
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final, Self

from config import Engine
from gateway.start_errors import CannotStart
from gateway.telemetry import metrics
from gateway.workers.supervised_process import HEARTBEAT_TIMEOUT_S, ProcessSpec, SupervisedProcess

TIMEOUT_S: Final = 60.0
"""Longest time for restoring one image."""


class EngineProcess:
    """The process that runs networks for all codec workers; a lost one is replaced.

    Args:
        engine: What runs networks, and within which limits.
        restorers: Hashes of the networks that have to run; others are loaded when they are needed.
        heartbeat_timeout_s: Silence after which it hangs, seconds.
    """

    def __init__(
        self,
        engine: Engine,
        restorers: Collection[str] = (),
        heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S,
    ) -> None:
        self._document = {
            "engine": engine.model_dump(mode="json"),
            "timeout_s": TIMEOUT_S,
            "restorers": sorted(restorers),
        }
        # Nobody else may enter the folder, so nobody else can reach the socket in it.
        self._folder = Path(tempfile.mkdtemp(prefix="slimgate-"))
        self._process = SupervisedProcess(
            ProcessSpec(
                "engine",
                "models.engine.service",
                self._first_message,
                metrics.ENGINE_LOST,
                heartbeat_timeout_s=heartbeat_timeout_s,
            )
        )

    @property
    def address(self) -> Path:
        """Give the path of its socket, the same for all that follow one another."""
        return self._folder / "engine"

    async def __aenter__(self) -> Self:
        """Start it.

        Raises:
            CannotStart: It does not come up, or cannot run what has to run.
        """
        try:
            await self._process.__aenter__()
        except CannotStart:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._process.__aexit__()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _first_message(self) -> bytes:
        self.address.unlink(missing_ok=True)
        return json.dumps({**self._document, "address": str(self.address)}).encode() + b"\n"
