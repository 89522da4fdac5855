"""Tests of waiting for uploads that are being completed."""

import asyncio
from typing import Final

import pytest

from gateway.s3.routing import key_target
from gateway.storage.completing import BeingCompleted, Completing

_HERE, _THERE = key_target("bucket", "a"), key_target("bucket", "b")
_IN_PARTS: Final = "0" * 32 + "-2"


async def test_readers_wait_for_the_last_completion() -> None:
    """Two uploads to one key may be completed at once; other keys are read meanwhile."""
    completing = Completing()
    with completing.at(_HERE):
        with completing.at(_HERE):
            reader = asyncio.create_task(completing.settled(_HERE))
            await completing.settled(_THERE)
            completing.check(_THERE, _IN_PARTS)
        await asyncio.sleep(0)
        assert not reader.done()
    await reader
    completing.check(_HERE, _IN_PARTS)


async def test_only_what_was_uploaded_in_parts_is_in_doubt() -> None:
    """An object with another kind of ETag is not the one that is being completed."""
    completing = Completing(patience_s=0.01)
    with completing.at(_HERE):
        completing.check(_HERE, "0" * 32)
        await completing.settled(_HERE)  # patience ends
        with pytest.raises(BeingCompleted, match="being completed") as refused:
            completing.check(_HERE, _IN_PARTS)
        assert refused.value.code == "SlowDown"


async def test_what_fails_is_over() -> None:
    """A completion that breaks off holds nobody up."""
    completing = Completing()
    with pytest.raises(ValueError, match="broken"), completing.at(_HERE):
        raise ValueError("broken")
    completing.check(_HERE, _IN_PARTS)
