"""Tests of waiting for uploads that are being completed."""

import asyncio
from typing import Final

import pytest

from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.completing import BeingCompleted, PendingCompletions

_HERE, _THERE = key_target("bucket", "a"), key_target("bucket", "b")
_IN_PARTS: Final = "0" * 32 + "-2"


async def test_readers_wait_for_the_last_completion() -> None:
    """Two uploads to one key may be completed at once; other keys are read meanwhile."""
    completing = PendingCompletions()
    with completing.track(_HERE):
        with completing.track(_HERE):
            reader = asyncio.create_task(completing.wait(_HERE))
            await completing.wait(_THERE)
            completing.check(_THERE, _IN_PARTS)
        await asyncio.sleep(0)
        assert not reader.done()
    await reader
    completing.check(_HERE, _IN_PARTS)


async def test_only_what_was_uploaded_in_parts_is_in_doubt() -> None:
    """An object with another kind of ETag is not the one that is being completed."""
    completing = PendingCompletions(max_wait_s=0.01)
    with completing.track(_HERE):
        completing.check(_HERE, "0" * 32)
        await completing.wait(_HERE)  # patience ends
        with pytest.raises(BeingCompleted, match="being completed") as refused:
            completing.check(_HERE, _IN_PARTS)
        assert refused.value.code == "SlowDown"


async def test_what_fails_is_over() -> None:
    """An aborted completion blocks no reader."""
    completing = PendingCompletions()
    with pytest.raises(ValueError, match="broken"), completing.track(_HERE):
        raise ValueError("broken")
    completing.check(_HERE, _IN_PARTS)
