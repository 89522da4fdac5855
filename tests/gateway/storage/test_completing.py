"""Tests of waiting for uploads that are being completed."""

import asyncio

import pytest

from gateway.s3.errors import S3Error
from gateway.s3.routing import key_target
from gateway.storage.completing import Completing

_HERE, _THERE = key_target("bucket", "a"), key_target("bucket", "b")


async def test_readers_wait_for_the_last_completion() -> None:
    """Two uploads to one key may be completed at once; other keys are read meanwhile."""
    completing = Completing()
    with completing.at(_HERE):
        with completing.at(_HERE):
            reader = asyncio.create_task(completing.settled(_HERE))
            await completing.settled(_THERE)
            completing.check(_THERE)
        await asyncio.sleep(0)
        assert not reader.done()
    await reader
    completing.check(_HERE)


async def test_patience_ends() -> None:
    """A reader is asked to come again when it takes too long."""
    completing = Completing(patience_s=0.01)
    with completing.at(_HERE):
        with pytest.raises(S3Error, match="being completed") as refused:
            await completing.settled(_HERE)
        assert refused.value.code == "SlowDown"


async def test_what_fails_is_over() -> None:
    """A completion that breaks off holds nobody up."""
    completing = Completing()
    with pytest.raises(ValueError, match="broken"), completing.at(_HERE):
        raise ValueError("broken")
    await completing.settled(_HERE)
