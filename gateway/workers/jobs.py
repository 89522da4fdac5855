"""Jobs of worker processes: the only code that decodes untrusted files.

A job may crash, hang or exhaust memory; that costs its process and nothing else. Jobs take and
return values that go through :mod:`slimgate.gateway.workers.job_values` and never use the network.
Nothing outlives a job.
"""

import gc
from collections.abc import Callable
from typing import ClassVar, Final, assert_never

import cv2
from PIL import AvifImagePlugin

from slimgate import models
from slimgate.codec.image import memory
from slimgate.codec.image.memory import OutOfMemory
from slimgate.codec.optimize import OptimizeOptions, optimize
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.restore.restore import DigestMismatch, EncoderChanged, restore
from slimgate.codec.search import memory_needs
from slimgate.codec.search.allowed_steps import AllowedSteps
from slimgate.codec.search.eligibility import pixels_of
from slimgate.codec.search.engine_costs import EngineCosts
from slimgate.codec.threads import Threads
from slimgate.codec.upscale_file import enlarge_file
from slimgate.config import Policy
from slimgate.gateway.workers import heap
from slimgate.gateway.workers.job_values import (
    Job,
    LargeImage,
    OptimizeJob,
    RestoreJob,
    Result,
    UpscaleJob,
)

_KEPT_BYTES: Final = 256 << 20
"""Most memory growth of a process between two jobs, bytes."""

_KEPT_SHARE: Final = 4
"""The same limit as a fraction of the process's memory: one nth."""


def _unheard(_: str) -> None:
    pass


class _Process:
    """State of a worker process across jobs."""

    upscalers: ClassVar[models.Upscalers]
    mark: ClassVar[Callable[[str], None]] = staticmethod(_unheard)
    speed: ClassVar[models.Speed] = "int8"
    memory_bytes: ClassVar[int]
    at_start: ClassVar[tuple[int, int]]


def initialize(
    memory_bytes: int,
    upscalers: models.Upscalers,
    mark: Callable[[str], None] = _unheard,
    speed: models.Speed = "int8",
) -> None:
    """Limit the memory of a new worker process.

    Args:
        memory_bytes: Memory that a job may take beyond what the process has, bytes.
        upscalers: Finds restorers.
        mark: Reports the current step to the gateway, in case the process dies.
        speed: Class of the engine.
    """
    _Process.upscalers = upscalers
    _Process.mark = staticmethod(mark)
    _Process.speed = speed
    _Process.memory_bytes = memory_bytes
    # There is one process per core: threads are for jobs that run while cores are idle.
    cv2.setNumThreads(1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    heap.tune()
    _Process.at_start = memory.used()
    memory.allow(memory_bytes + heap.RESERVED)
    memory.left()  # opens what the sandbox hides later


def perform(job: Job, data: bytes) -> tuple[Result, bytes]:
    """Perform a job.

    Args:
        job: What to do.
        data: The file to work on.

    Returns:
        The result, and a file.

    Raises:
        Exception: Any error of the functions below.
    """
    memory.allow(_Process.memory_bytes + heap.RESERVED)
    match job:
        case OptimizeJob():
            return optimize_upload(job, data)
        case RestoreJob():
            return restore_object(job, data)
        case UpscaleJob():
            return Result(), upscale_image(job, data)
        case _:
            assert_never(job)


def is_spent() -> bool:
    """Return whether this process holds considerably more memory than at its start."""
    most = min(_KEPT_BYTES, _Process.memory_bytes // _KEPT_SHARE)
    if _grown() <= most // 2:
        return False
    gc.collect()
    heap.trim()
    return _grown() > most


def _grown() -> int:
    """Return the growth of address space or resident memory, whichever is larger, bytes.

    Address space that threads reserve is no memory.
    """
    space, resident = (
        now - before for now, before in zip(memory.used(), _Process.at_start, strict=True)
    )
    return max(space - heap.RESERVED, resident)


def optimize_upload(job: OptimizeJob, data: bytes) -> tuple[Result, bytes]:
    """Find the smallest rendition of an upload that holds its policy's floor.

    Args:
        job: Policy, content type that the client sent, version of the gateway, steps that killed a
            process (see :mod:`slimgate.codec.search.allowed_steps`), whether more than the
            ordinary amount of memory is allowed, and how many threads.
        data: The upload.

    Raises:
        LargeImage: The job needs permission to take more memory.
        Refused: The upload stays as it is; the message says why.
    """
    most = _allowed(may_be_large=job.may_be_large)
    try:
        _check_allowed(data, most)
        with Threads(job.threads) as threads:
            made = optimize(data, _options(job, most, threads), _Process.upscalers)
    except (LargeImage, Refused):
        raise
    except models.EngineError as error:
        raise Refused(Reason.RESTORER, str(error)) from error
    except Exception as error:  # decoders raise anything
        if memory.is_exhausted(error):
            raise Refused(Reason.MEMORY) from error
        raise Refused(Reason.DAMAGED, type(error).__name__) from error
    return Result(made.manifest, made.trials, made.omitted), made.rendition


def _options(job: OptimizeJob, most: int, threads: Threads) -> OptimizeOptions:
    policy = job.policy
    return OptimizeOptions(
        policy=policy,
        content_type=job.content_type,
        restorers=models.chosen(policy.restorer),
        gateway=job.version,
        work_s=policy.limits.timeout_s,
        steps=AllowedSteps(job.ruled_out, most, _Process.mark, _engine_costs(policy), threads),
    )


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
    memory.allow(most + heap.RESERVED)
    return most


def restore_object(job: RestoreJob, rendition: bytes) -> tuple[Result, bytes]:
    """Restore the file that GET serves.

    Args:
        job: The manifest, whether more than the ordinary amount of memory is allowed, and how many
            threads.
        rendition: The stored rendition.

    Returns:
        Whether the file is byte-identical to the recorded one, and the file. If not, the pixels are
        the same, and only an encoder has changed.

    Raises:
        OutOfMemory: Memory may have been short; says nothing about the rendition.
        DamagedRendition, DigestMismatch, LookupError: It cannot be restored; the message says why.
        models.EngineError: The engine could not run the network.
    """
    _Process.mark("restore")
    _allowed(may_be_large=job.may_be_large)
    try:
        return Result(), restore(rendition, job.manifest, _Process.upscalers, job.threads)
    except EncoderChanged as changed:
        return Result(as_recorded=False), changed.served
    except (DigestMismatch, LookupError, models.EngineError):
        raise
    except Exception as error:
        if memory.is_exhausted(error) or not _was_enough(job):
            raise OutOfMemory("out of memory while restoring") from error
        raise


def _was_enough(job: RestoreJob) -> bool:
    """Return whether memory sufficed, so that no allocation can have failed in disguise."""
    left = memory.left()
    return left is None or left > memory_needs.to_restore(job.manifest)


def upscale_image(job: UpscaleJob, data: bytes) -> bytes:
    """Upscale an image file.

    Raises:
        NotEnlarged: It cannot be upscaled; the message says why.
        OutOfMemory: Memory was short.
        LookupError: The restorer is unknown.
        models.EngineError: The engine could not run the network.
    """
    try:
        upscaler = _Process.upscalers(job.restorer)
        return enlarge_file(
            data, upscaler, scale=job.scale, format_=job.format_, max_pixels=job.max_pixels
        )
    except Exception as error:
        if not memory.is_exhausted(error):
            raise
        raise OutOfMemory("out of memory while upscaling") from error
