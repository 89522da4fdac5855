import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest
import uvloop

from slimgate.gateway.workers.supervised_process import write


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_process_that_has_ended_is_told_nothing(loop: type[asyncio.AbstractEventLoop]) -> None:
    """A message to it fails as one to a connection that is gone, on every event loop."""

    async def work() -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "", stdin=PIPE)
        assert process.stdin is not None
        await process.wait()
        process.stdin.close()
        with pytest.raises(ConnectionResetError):
            write(process.stdin, b"message")

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(work())
