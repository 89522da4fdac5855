"""Compare the image limits of policies with the memory of workers."""

from collections.abc import Iterator
from typing import Final

from slimgate.codec.measures import floors
from slimgate.codec.search import memory_needs
from slimgate.config import Policy, Settings

_MP: Final = 10**6
_MIB: Final = 2**20

_TEMPORARY_FILES: Final = 2**26
"""What /tmp may hold where it is in memory, as in the containers."""

_EVERYTHING_ELSE: Final = 2**30
"""Programs and libraries of a gateway, its workers and its engine, and what is in passing."""


def memory_needed(settings: Settings) -> int:
    """Return the memory that a gateway needs with every limit reached, bytes.

    It is the memory limit of a container.

    Args:
        settings: Valid settings of all processes together.
    """
    return sum(memory_parts(settings).values())


def memory_parts(settings: Settings) -> dict[str, int]:
    """Return what may take how much memory, with every limit reached, bytes.

    Ordinary images may be in all workers at a time, a larger one only in one.

    Args:
        settings: Valid settings of all processes together.
    """
    engine, limits = settings.engine, settings.limits
    others = engine.worker_count - 1
    ordinary = memory_needs.mib(memory_needs.ORDINARY)
    return {
        f"other workers: {others} x {ordinary}MiB": others * memory_needs.ORDINARY,
        "a worker with a large image: engine.worker_memory": engine.worker_memory,
        "uploads and files in flight: limits.max_buffered_bytes": limits.max_buffered_bytes,
        "restored files in memory: cache.max_bytes": settings.cache.max_bytes,
        "images in the engine: 3 x engine.max_pixels_in_flight": engine.max_pixels_in_flight * 3,
        "files in /tmp": _TEMPORARY_FILES,
        "programs, libraries, requests": _EVERYTHING_ELSE,
    }


def memory_sum(settings: Settings) -> Iterator[str]:
    """Yield the lines that show people the parts and their sum.

    Args:
        settings: Valid settings of all processes together.
    """
    yield "memory with every limit reached, MiB:"
    for name, size in memory_parts(settings).items():
        yield f"{size / _MIB:>9,.0f}  {name}"
    yield f"{memory_needed(settings) / _MIB:>9,.0f}  in all"


def shortages(settings: Settings) -> Iterator[str]:
    """Yield a message for each policy that admits larger images than workers have memory for.

    Args:
        settings: Valid settings.
    """
    memory = settings.engine.worker_memory
    for policy in settings.policies:
        most = _largest(policy, memory)
        if policy.mode != "off" and policy.limits.max_pixels > most:
            admitted = policy.limits.max_pixels
            wanted = memory_needs.mib(admitted * memory // max(1, most))
            yield (
                f"policy '{policy.name}' admits images of {admitted // _MP} megapixels, but with "
                f"engine.worker_memory of {memory_needs.mib(memory)}MiB those above "
                f"{most // _MP} stay as uploaded: raise engine.worker_memory to "
                f"{wanted.replace(',', '')}MiB, or lower policies[].limits.max_pixels to "
                f"{most // _MP}MP"
            )


def _largest(policy: Policy, memory: int) -> int:
    """Return the pixels of the largest image that a policy can optimize."""
    per_pixel = [memory_needs.least_to_try(1)]
    if "recode" in policy.tiers:
        per_pixel = [memory_needs.to_try(1, codec, "4:2:0", 1) for codec in policy.codecs]
    if "exact" in policy.tiers:
        per_pixel.append(memory_needs.to_transcode(1))
    elif floors.is_scored(policy.floor):
        memory -= memory_needs.TO_SCORE_LARGE
    return max(0, memory) // min(per_pixel)
