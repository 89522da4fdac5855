"""The engine process: runs networks, here or elsewhere, for the workers of all processes."""

import json
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final, Self

from slimgate.config import Engine
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers.supervised_process import (
    HEARTBEAT_TIMEOUT_S,
    ProcessSpec,
    SupervisedProcess,
)

TIMEOUT_S: Final = 60.0
"""Longest time to restore one image, seconds."""


class EngineProcess:
    """The process that runs networks for all codec workers; replaced if lost.

    Args:
        engine: Backend and limits.
        restorers: Hashes of networks to load at start; others are loaded on demand.
        heartbeat_timeout_s: Silence after which the process counts as hung, seconds.
    """

    def __init__(
        self,
        engine: Engine,
        restorers: Collection[str] = (),
        heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S,
    ) -> None:
        self._document = {
            # Dumped with the rest, the token would be masked.
            "engine": engine.model_dump(mode="json", exclude={"remote": {"token"}}),
            "token": engine.remote.token.get_secret_value() if engine.remote.token else None,
            "timeout_s": TIMEOUT_S,
            "restorers": sorted(restorers),
        }
        # Only this user may enter the folder, and so reach the socket in it.
        self._folder = Path(tempfile.mkdtemp(prefix="slimgate-"))
        self._process = SupervisedProcess(
            ProcessSpec(
                "engine",
                "slimgate.models.engine.service",
                self._first_message,
                metrics.ENGINE_LOST,
                aws=engine.backend == "sagemaker",
                heartbeat_timeout_s=heartbeat_timeout_s,
            )
        )

    @property
    def address(self) -> Path:
        """Return the path of its socket, the same after a replacement."""
        return self._folder / "engine"

    async def __aenter__(self) -> Self:
        """Start the process.

        Raises:
            CannotStart: It does not start, or cannot run a required network.
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
