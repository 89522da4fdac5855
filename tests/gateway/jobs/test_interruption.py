import asyncio
import os
import signal

import pytest

from slimgate.gateway.jobs.halt import Halt, Interrupted
from slimgate.gateway.jobs.interruption import obey_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_second_signal_ends_at_once(number: signal.Signals) -> None:
    """The first one lets the run end in order, the second one cancels it."""
    halt, halted = Halt(), asyncio.Event()
    halt.listen(lambda _: halted.set())
    task: asyncio.Task[object] = asyncio.create_task(asyncio.Event().wait())
    before = signal.getsignal(number)
    with obey_signals(halt, task):
        os.kill(os.getpid(), number)
        await asyncio.wait_for(halted.wait(), 10)
        assert isinstance(halt.reason, Interrupted)
        assert not task.done()
        os.kill(os.getpid(), number)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
    signal.signal(number, before)
