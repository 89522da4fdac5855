"""Test start, replacement and end of the engine process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from slimgate import models
from slimgate.config import Engine
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.workers.engine_process import EngineProcess
from slimgate.models.engine.network import EngineError
from slimgate.models.engine.remote import RemoteRestorer

_UNKNOWN = "f" * 16
_LIMIT_S = 60


def _engines() -> list[psutil.Process]:
    """Return the engine processes started by this process."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if (
                "slimgate.models.engine.service" in child.cmdline()
                and child.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(child)
    return found


def _asks(address: Path) -> str:
    """Request an unknown restorer, which only the engine can refuse."""
    remote = models.Remote(address, timeout_s=_LIMIT_S)
    try:
        RemoteRestorer(remote, _UNKNOWN).upscale(np.zeros((2, 2, 3), np.uint8), 2, level=0)
    except (LookupError, EngineError) as error:
        return str(error)
    finally:
        remote.close()
    return "an image"


async def _answer(address: Path) -> str:
    """Wait until the engine answers."""
    async with asyncio.timeout(_LIMIT_S):
        while True:
            answer = await asyncio.to_thread(_asks, address)
            if "cannot be reached" not in answer:
                return answer


async def test_it_answers_from_the_start() -> None:
    """The engine answers inside the block, and nothing of it remains afterwards."""
    async with EngineProcess(Engine()) as engine:
        assert f"no restorer with hash {_UNKNOWN}" in await asyncio.to_thread(_asks, engine.address)
        assert engine.address.parent.stat().st_mode & 0o777 == 0o700
    assert _engines() == []
    assert not engine.address.parent.exists()


async def test_a_lost_one_is_replaced() -> None:
    """A crashed engine is replaced at the same address."""
    async with EngineProcess(Engine()) as engine:
        (first,) = _engines()
        first.kill()
        assert "no restorer" in await _answer(engine.address)
        (second,) = _engines()
        assert first.pid != second.pid
    assert _engines() == []


async def test_one_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway does not start without its engine."""
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(CannotStart, match="did not start"):
        async with EngineProcess(Engine()):
            pass


@pytest.fixture
def orphan(tmp_path: Path) -> Path:
    """Return a script that starts an engine and prints its PID."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, psutil\n"
        "from slimgate.config import Engine\n"
        "from slimgate.gateway.workers.engine_process import EngineProcess\n"
        "async def main():\n"
        "    async with EngineProcess(Engine()):\n"
        "        print(psutil.Process().children()[0].pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    return script


async def test_it_does_not_outlive_a_gateway_that_is_killed(orphan: Path) -> None:
    """The engine exits when the gateway is killed."""
    async with _running(orphan) as parent:
        assert parent.stdout is not None
        engine = psutil.Process(int(await parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
        await asyncio.to_thread(psutil.wait_procs, [engine], _LIMIT_S)
        assert not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE


@contextlib.asynccontextmanager
async def _running(script: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
