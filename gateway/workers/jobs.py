"""Jobs of worker processes: the only code that decodes untrusted files.

A job may crash, hang or exhaust memory; that costs its process and nothing else. Jobs take and
return picklable values and never use the network. Nothing outlives a job.
"""

import ctypes
import functools
import gc
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import cv2
from PIL import AvifImagePlugin

from slimgate import models
from slimgate.codec.image import memory
from slimgate.codec.image.memory import OutOfMemory
from slimgate.codec.manifest import Manifest, loads
from slimgate.codec.optimize import Optimized, OptimizeOptions, optimize
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.restore.restore import DigestMismatch, EncoderChanged, restore
from slimgate.codec.search import memory_needs
from slimgate.codec.search.allowed_steps import AllowedSteps
from slimgate.codec.search.eligibility import pixels_of
from slimgate.codec.search.engine_costs import EngineCosts
from slimgate.codec.upscale_file import FileFormat, enlarge_file
from slimgate.config import Policy
from slimgate.gateway.workers.job_values import JobInput, JobResult, result_of

_T = TypeVar("_T")

_NICENESS: Final = 5
"""Pass-through requests should not wait for a core that optimizes an image."""

_ENGINE_SILENCE_S: Final = 120.0
"""Longer than the limits of engine and pool, which end a job first."""

_KEPT_BYTES: Final = 256 << 20
"""Most memory growth of a process between two jobs, bytes."""

_KEPT_SHARE: Final = 4
"""The same limit as a fraction of the process's memory: one nth."""

STEP_LENGTH: Final = 32
"""Bytes of the shared array that names the current step."""

Step = ctypes.Array[ctypes.c_char]


class LargeImage(Exception):
    """The job may need more than the ordinary amount of memory, and has to be allowed to."""


class _Process:
    """State of a worker process across jobs."""

    upscalers: ClassVar[models.Upscalers]
    step: ClassVar["Step | None"] = None
    speed: ClassVar[models.Speed] = "int8"
    memory_bytes: ClassVar[int]
    at_start: ClassVar[tuple[int, int]]


def initialize(
    memory_bytes: int, engine: Path, step: "Step | None" = None, speed: models.Speed = "int8"
) -> None:
    """Limit a new worker process.

    Args:
        memory_bytes: Memory that a job may take beyond what the process has, bytes.
        engine: Socket of the engine process.
        step: Shared with the gateway, to report the current step if the process dies.
        speed: Class of the engine.
    """
    _Process.upscalers = models.Upscalers(models.Remote(engine, timeout_s=_ENGINE_SILENCE_S))
    _Process.step = step
    _Process.speed = speed
    _Process.memory_bytes = memory_bytes
    os.nice(_NICENESS)
    # There is one process per core already: threads would only compete for cores.
    cv2.setNumThreads(1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.collect()
    gc.freeze()  # imported objects stay: later collections skip them
    _Process.at_start = memory.used()
    memory.allow(memory_bytes)


def run(job: Callable[..., _T], data: JobInput, *args: Any) -> JobResult[_T]:
    """Run a job, and leave nothing of it behind.

    Args:
        job: A function of this module; its first argument is the bytes of `data`.
        data: Input bytes.
        args: Further arguments.
    """
    memory.allow(_Process.memory_bytes)
    result = result_of(functools.partial(_with, job, data, args))
    _mark("")
    result.spent = _is_spent()
    return result


def _with(job: Callable[..., _T], data: JobInput, args: tuple[Any, ...]) -> _T:
    return job(data.take(), *args)


def _is_spent() -> bool:
    """Return whether this process holds considerably more memory than at its start."""
    most = min(_KEPT_BYTES, _Process.memory_bytes // _KEPT_SHARE)
    if _grown() <= most // 2:
        return False
    gc.collect()
    _trim()
    return _grown() > most


def _grown() -> int:
    """Return the growth of address space or resident memory, whichever is larger, bytes."""
    return max(now - before for now, before in zip(memory.used(), _Process.at_start, strict=True))


def _trim() -> None:
    """Return freed memory to the system, with glibc."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)


def _mark(step: str) -> None:
    if _Process.step is not None:
        _Process.step.value = step.encode()[: STEP_LENGTH - 1]


def optimize_upload(
    data: bytes,
    policy: Policy,
    content_type: str,
    version: str,
    ruled_out: frozenset[str],
    may_be_large: bool,  # jobs take no keyword arguments
) -> Optimized:
    """Find the smallest rendition of an upload that holds its policy's floor.

    Args:
        data: The upload.
        policy: Its policy.
        content_type: Content type that the client sent.
        version: Version of the gateway.
        ruled_out: Steps that killed a process: see :mod:`slimgate.codec.search.allowed_steps`.
        may_be_large: Allow more than the ordinary amount of memory.

    Raises:
        LargeImage: The job needs permission to take more memory.
        Refused: The upload stays as it is; the message says why.
    """
    most = _allowed(may_be_large=may_be_large)
    options = OptimizeOptions(
        policy=policy,
        content_type=content_type,
        restorers=models.chosen(policy.restorer),
        gateway=version,
        work_s=policy.limits.timeout_s,
        steps=AllowedSteps(ruled_out, most, _mark, _engine_costs(policy)),
    )
    try:
        _check_allowed(data, most)
        return optimize(data, options, _Process.upscalers)
    except (LargeImage, Refused):
        raise
    except models.EngineError as error:
        raise Refused(Reason.RESTORER, str(error)) from error
    except Exception as error:  # decoders raise anything
        if memory.is_exhausted(error):
            raise Refused(Reason.MEMORY) from error
        raise Refused(Reason.DAMAGED, type(error).__name__) from error


def _check_allowed(data: bytes, most: int) -> None:
    """Raise LargeImage if an upload may need more memory than that, and there is more."""
    if most < _Process.memory_bytes and memory_needs.is_large(pixels_of(data), len(data)):
        raise LargeImage


def _engine_costs(policy: Policy) -> EngineCosts:
    return EngineCosts(_Process.speed, models.costs(policy.restorer, _Process.speed))


def _allowed(*, may_be_large: bool) -> int:
    """Limit the memory of a job; return the limit in bytes."""
    most = _Process.memory_bytes
    if not may_be_large:
        most = min(most, memory_needs.ORDINARY)
    memory.allow(most)
    return most


def restore_object(
    rendition: bytes,
    note: str,
    may_be_large: bool,  # as above
) -> tuple[bytes, bool]:
    """Restore the file that GET serves.

    Args:
        rendition: The stored rendition.
        note: Its manifest.
        may_be_large: Allow more than the ordinary amount of memory.

    Returns:
        The file, and whether it is byte-identical to the recorded one. If not, the pixels are the
        same, and only an encoder has changed.

    Raises:
        OutOfMemory: Memory may have been short; says nothing about the rendition.
        DamagedRendition, DigestMismatch, LookupError: It cannot be restored; the message says why.
        models.EngineError: The engine could not run the network.
    """
    _mark("restore")
    _allowed(may_be_large=may_be_large)
    manifest: Manifest = loads(note)
    try:
        return restore(rendition, manifest, _Process.upscalers), True
    except EncoderChanged as changed:
        return changed.served, False
    except (DigestMismatch, LookupError, models.EngineError):
        raise
    except Exception as error:
        if memory.is_exhausted(error) or not _was_enough(manifest):
            raise OutOfMemory("out of memory while restoring") from error
        raise


def _was_enough(manifest: Manifest) -> bool:
    """Return whether memory sufficed, so that no allocation can have failed in disguise."""
    left = memory.left()
    return left is None or left > memory_needs.to_restore(manifest)


def upscale_image(
    data: bytes, restorer: str, scale: int, format_: FileFormat, max_pixels: int
) -> bytes:
    """Upscale an image file.

    Raises:
        NotEnlarged: It cannot be upscaled; the message says why.
        OutOfMemory: Memory was short.
        LookupError: The restorer is unknown.
        models.EngineError: The engine could not run the network.
    """
    try:
        upscaler = _Process.upscalers(restorer)
        return enlarge_file(data, upscaler, scale=scale, format_=format_, max_pixels=max_pixels)
    except Exception as error:
        if not memory.is_exhausted(error):
            raise
        raise OutOfMemory("out of memory while upscaling") from error
