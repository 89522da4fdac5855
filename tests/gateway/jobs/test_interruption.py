import argparse
import asyncio
import os
import signal

import pytest

from slimgate.gateway.jobs import commands
from slimgate.gateway.jobs.halt import Halt, Interrupted
from slimgate.gateway.jobs.interruption import obey_signals
from slimgate.gateway.telemetry import logs


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_a_command(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It never interrupts the event loop, or a task that is at work: both end in order."""
    ends: list[str] = []

    async def task() -> None:
        os.kill(os.getpid(), number)
        ends.append("finished its step")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ends.append("ended in order")

    async def command(_: argparse.Namespace) -> int:
        async with asyncio.TaskGroup() as group:
            group.create_task(task())
        return 0

    monkeypatch.setattr(commands, "_TOOLS", {"restore": command})
    monkeypatch.setattr(logs, "configure", lambda: None)  # it is the whole process's
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert commands.run(argparse.Namespace(command="restore")) == 1
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert ends == ["finished its step", "ended in order"]
    assert capsys.readouterr().err == "stopped\n"
