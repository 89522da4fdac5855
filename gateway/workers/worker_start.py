"""Start the first worker of a gateway, and say what its sandbox lacks."""

import asyncio
from pathlib import Path

import structlog

from slimgate.config import Engine
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers.sandbox.confine import PARTS, Part
from slimgate.gateway.workers.worker_process import (
    WorkerGone,
    WorkerLost,
    WorkerProcess,
    WorkerSpec,
)

_log = structlog.get_logger(__name__)


async def check_started(worker: WorkerProcess) -> None:
    """Wait until a worker has started; log and count the parts of the sandbox that it lacks.

    Raises:
        CannotStart: It does not start, or lacks a part although the sandbox is required.
    """
    try:
        await worker.start()
    except (WorkerGone, WorkerLost) as error:
        raise CannotStart(f"workers do not start: {error}") from error
    off: dict[Part, str] = dict.fromkeys(PARTS, "off") if worker.spec.sandbox == "off" else {}
    missing = off or worker.missing or {}
    for part in PARTS:
        metrics.WORKERS_UNCONFINED.labels(part).set(part in missing)
    if missing:
        _log.warning("workers not confined", parts=missing, meaning=[PARTS[p] for p in missing])


def sandbox_gaps(engine: Engine) -> list[str]:
    """Return a message for each part of the sandbox that workers lack on this machine.

    Args:
        engine: Settings of workers.
    """
    if engine.sandbox == "off":
        return ["workers are not confined: engine.sandbox is off"]
    try:
        missing = asyncio.run(_missing(WorkerSpec(engine.worker_memory, Path(), "int8")))
    except (OSError, WorkerGone, WorkerLost) as error:
        return [f"workers do not start: {error}"]
    return [f"{PARTS[part]}: {why}" for part, why in missing.items()]


async def _missing(spec: WorkerSpec) -> dict[Part, str]:
    worker = WorkerProcess(spec)
    try:
        await worker.start()
    finally:
        await worker.end()
    return worker.missing or {}
