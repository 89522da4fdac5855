"""What worker processes do: the only code that decodes what somebody else wrote.

A job may crash, hang or balloon: that costs its process and nothing else. Jobs take and return
plain picklable values and never touch the network.
"""

import os
import resource
import time
from pathlib import Path
from typing import ClassVar, Final

import cv2
from PIL import AvifImagePlugin

import models
from codec.enlarging import FileFormat, TooLarge, enlarge_file
from codec.manifest import Manifest, loads
from codec.optimize import Optimized, Refused, Terms, optimize
from codec.restore import DamagedRendition, EncoderChanged, restore
from config import Policy

_NICENESS: Final = 5
"""Whoever only passes something through shall not wait for a core that an image is at work on."""

_ENGINE_SILENCE_S: Final = 120.0
"""Longer than any limit that the engine or the pool has itself: those end a job first."""


class _Process:
    """What a worker process keeps from job to job."""

    upscalers: ClassVar[models.Upscalers]


def initialize(memory_bytes: int, engine: Path) -> None:
    """Bound a fresh worker process.

    Args:
        memory_bytes: Address space that it may take beyond what it starts with.
        engine: Socket of the process that runs networks.
    """
    _Process.upscalers = models.Upscalers(models.Remote(engine, timeout_s=_ENGINE_SILENCE_S))
    os.nice(_NICENESS)
    # One process per core runs already; threads inside would only fight over the cores.
    cv2.setNumThreads(1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def optimize_upload(data: bytes, policy: Policy, content_type: str, version: str) -> Optimized:
    """Find the smallest rendition of an upload that holds its policy's floor.

    Raises:
        Refused: It stays as it is; the message says why.
    """
    terms = Terms(
        policy=policy,
        content_type=content_type,
        restorers=models.chosen(policy.restorer),
        gateway=version,
        # What is left is for the proof; the caller ends this process at the time limit itself.
        deadline=time.monotonic() + policy.limits.timeout_s * 0.6,
    )
    try:
        return optimize(data, terms, _Process.upscalers)
    except Refused:
        raise
    except MemoryError:
        raise Refused("out of memory") from None
    except models.EngineError as error:
        raise Refused(f"the restorer cannot be run: {error}") from None
    except Exception as error:  # noqa: BLE001  # decoders raise anything; the upload stays as it is
        raise Refused(f"cannot be decoded: {type(error).__name__}") from None


def restore_object(rendition: bytes, note: str) -> tuple[bytes, bool]:
    """Make the file that GET serves.

    Returns:
        The file, and whether it is the very one that was recorded; otherwise its pixels are the
        same, and only an encoder has changed.

    Raises:
        DamagedRendition, DigestMismatch, LookupError: It cannot be done; the message says why.
        models.EngineError: The restorer's network could not be run.
    """
    manifest: Manifest = loads(note)
    try:
        return restore(rendition, manifest, _Process.upscalers), True
    except EncoderChanged as changed:
        return changed.served, False
    except MemoryError:
        raise DamagedRendition("out of memory while restoring") from None


def upscale_image(
    data: bytes, restorer: str, scale: int, format_: FileFormat, max_pixels: int
) -> bytes:
    """Enlarge an image file.

    Raises:
        NotEnlarged: It cannot be; the message says why.
        LookupError: There is no such restorer here.
        models.EngineError: The restorer's network could not be run.
    """
    try:
        upscaler = _Process.upscalers(restorer)
        return enlarge_file(data, upscaler, scale=scale, format_=format_, max_pixels=max_pixels)
    except MemoryError:
        raise TooLarge("out of memory: the image is too large for engine.worker_memory") from None
