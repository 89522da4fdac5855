"""Explain what kept a file from a tier with loss, and how many bytes that costs."""

import asyncio
from dataclasses import replace

from slimgate.codec.image.ordinary import ordinary_copy
from slimgate.codec.reasons import Refused
from slimgate.codec.search.obstacles import Obstacle
from slimgate.codec.search.omissions import LOSSY
from slimgate.gateway.optimize import pipeline
from slimgate.gateway.optimize.candidate import Candidate, InMemory
from slimgate.gateway.workers.pool import Busy


async def kept_back(candidate: Candidate, obstacle: Obstacle | None, stored: int) -> list[str]:
    """Return lines about an obstacle; none if there is none.

    Args:
        candidate: the file, whose source can be read again, after the search.
        obstacle: what kept it from a tier with loss.
        stored: bytes that are stored of it.

    Raises:
        Busy: The queue is full.
    """
    if obstacle is None:
        return []
    lines = [f"kept from a tier with loss: {obstacle.why}"]
    if obstacle.is_form and LOSSY.intersection(candidate.policy.tiers):
        could = await _could(candidate)
        if could is not None and could < stored:
            lines.append(
                f"  this costs {stored - could:,} bytes: of the same pixels in an ordinary JPEG "
                f"file {could:,} bytes would be stored"
            )
    return lines


async def _could(candidate: Candidate) -> int | None:
    """Return the bytes that would be stored of an ordinary copy; None if it does not get small."""
    limit = candidate.policy.limits.max_pixels
    data = await candidate.source.read()
    copy = await asyncio.to_thread(ordinary_copy, data, max_pixels=limit)
    if copy is None:
        return None
    other = replace(
        candidate, headers={}, source=InMemory(copy), data=b"", exact_because=None, found=None
    )
    try:
        await pipeline.run(pipeline.FIND, other)
    except (Refused, Busy):
        return None
    found = other.rendition
    return len(found.rendition) if found.manifest.stored.tier in LOSSY else None
