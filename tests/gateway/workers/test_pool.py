"""Test worker processes: no job leaves data behind, and lack of memory is not damage."""

import asyncio
import contextlib
import io
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from PIL import Image

from bench import mosaics
from slimgate import models
from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.restore.restore import DamagedRendition
from slimgate.config import Engine, Policy
from slimgate.config.policy import PolicyLimits
from slimgate.gateway.workers.pool import Busy, NotRestored, Workers
from slimgate.gateway.workers.worker_process import WorkerProcess

_NO_ENGINE: Final = Path("/nonexistent/engine")
"""No test here runs a network."""

_KEPT_BYTES: Final = 96 << 20
_MEGAPIXELS: Final = 8
_ENOUGH: Final = 1 << 30
_HARDLY: Final = 8 << 20
_SECONDS: Final = 15
"""Far longer than transcoding, far shorter than a thorough search."""


def _policy(**changes: object) -> Policy:
    settings: dict[str, Any] = {
        "name": "p", "bucket": "b", "mode": "optimize", "effort": "fast", "tiers": ["recode"],
        "floor": {"psnr_db": 28, "ssim": 0.7, "orb": None, "block_psnr_db": None},
        "limits": {"timeout_s": 600}, **changes,
    }  # fmt: skip
    return Policy.model_validate(settings)


_IN_VAIN: Final = {"floor": {"psnr_db": 60, "ssim": 0.9999}}


@asynccontextmanager
async def _one_worker(worker_memory: int = _ENOUGH) -> AsyncIterator[Workers]:
    engine = Engine.model_validate({"workers": 1, "worker_memory": worker_memory})
    async with Workers(engine, address=_NO_ENGINE) as workers:
        yield workers


async def _optimized(workers: Workers, data: bytes, **changes: object) -> Optimized:
    return await workers.optimize(
        data, _policy(**changes), content_type="image/jpeg", version="0.0.0"
    )


def _processes() -> Iterator[psutil.Process]:
    """Return the worker processes; their parent is the fork server."""
    for each in psutil.Process().children(recursive=True):
        if each.ppid() != os.getpid():
            yield each


def _resident() -> int:
    return max(each.memory_info().rss for each in _processes())


@pytest.fixture(scope="module")
def large() -> bytes:
    """Return a photograph that takes hundreds of megabytes to optimize."""
    return mosaics.jpeg(_MEGAPIXELS)


@pytest.mark.memory
async def test_nothing_of_a_job_stays_in_its_process(large: bytes) -> None:
    """After jobs of all outcomes a worker holds hardly more memory than after a tiny one."""
    tiny = mosaics.jpeg(0.1)
    async with _one_worker() as workers:
        await _optimized(workers, tiny)
        before = _resident()
        with pytest.raises(Refused):
            await _optimized(workers, large, **_IN_VAIN)
        assert _resident() < before + _KEPT_BYTES
        made = await _optimized(workers, large)
        assert _resident() < before + _KEPT_BYTES
        served, _ = await workers.restore(made.rendition, made.manifest)
        assert len(served) == len(large)
        assert _resident() < before + _KEPT_BYTES
        with pytest.raises(DamagedRendition):
            await workers.restore(made.rendition[:-9999], made.manifest)
        assert _resident() < before + _KEPT_BYTES


async def test_want_of_memory_is_no_damage(large: bytes) -> None:
    """A rendition that exceeds the memory is not restored, and not reported as damaged."""
    async with _one_worker() as workers:
        made = await _optimized(workers, large)
    async with _one_worker(256 << 20) as workers:
        small = await _optimized(workers, mosaics.jpeg(0.1))
        bigger = made.manifest.model_copy(update={"width": 10_000, "height": 10_000})
        with pytest.raises(NotRestored, match="worker_memory"):
            await workers.restore(made.rendition, bigger)
        served, as_recorded = await workers.restore(small.rendition, small.manifest)
        assert (as_recorded, len(served)) == (True, small.manifest.size)


class _Killer:
    """Kills the worker each time that it is at a certain step.

    Args:
        workers: Of which there is one.
        step: Which step; empty: whatever it does.
        times: How many processes to kill.
        number: The signal that kills.
    """

    def __init__(
        self, workers: Workers, step: str, times: int, number: signal.Signals = signal.SIGKILL
    ) -> None:
        self._workers = workers
        self._number = number
        self._step = step
        self.left = times

    async def run(self) -> None:
        """Kill the given number of processes."""
        killed: list[WorkerProcess] = []
        while self.left:
            await asyncio.sleep(0.005)
            for worker in self._workers._processes.busy:
                # One that is still there waited, while another one was killed as it started.
                if worker.step.startswith(self._step) and self._kill() and worker not in killed:
                    killed.append(worker)
                    self.left -= 1

    def _kill(self) -> bool:
        """Kill the working process; a pool may be starting a replacement beside it."""
        at_work = [each for each in _processes() if _is_at_work(each)]
        for each in at_work:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(self._number)
        return bool(at_work)


def _is_at_work(process: psutil.Process) -> bool:
    """Return whether a thread of it runs; the main one may wait for those of an encoder."""
    states = []
    for path in Path(f"/proc/{process.pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            states.append(path.read_text().rpartition(")")[2].split()[0])
    return "R" in states


@asynccontextmanager
async def _killing(
    workers: Workers, step: str, times: int, number: signal.Signals = signal.SIGKILL
) -> AsyncIterator[_Killer]:
    killer = _Killer(workers, step, times, number)
    task = asyncio.create_task(killer.run())
    try:
        yield killer
    finally:
        task.cancel()


async def test_a_restore_whose_process_dies_is_done_by_another_one(large: bytes) -> None:
    """The first kill is retried; after the second, the error does not blame the object."""
    async with _one_worker() as workers:
        made = await _optimized(workers, large)
        for times in (1, 2):
            async with _killing(workers, "restore", times) as killer:
                if times == 1:
                    served, as_recorded = await workers.restore(made.rendition, made.manifest)
                    assert (as_recorded, len(served)) == (True, len(large))
                else:
                    with pytest.raises(NotRestored, match="died"):
                        await workers.restore(made.rendition, made.manifest)
            assert killer.left == 0


@pytest.mark.parametrize(
    ("step", "tiers", "codec"),
    [
        ("avif", ["recode"], {"jxl", "webp"}),
        ("avif", ["recode", "exact"], {"jxl", "webp"}),
        ("decode", ["recode", "exact"], {"jxl"}),
    ],
)
async def test_what_kills_a_process_loses(
    large: bytes, step: str, tiers: list[str], codec: set[str]
) -> None:
    """The upload is retried without that step, and something else is stored."""
    async with _one_worker() as workers, _killing(workers, step, 1) as killer:
        made = await _optimized(workers, large, tiers=tiers, min_saving=0.05)
    assert killer.left == 0
    assert made.manifest.stored.codec in codec
    assert step not in {trial.candidate.codec for trial in made.trials}


async def test_an_upload_that_kills_each_process_stays_as_it_is(large: bytes) -> None:
    """Retries are bounded, and the reason names the step."""
    async with _one_worker() as workers, _killing(workers, "", 99):
        with pytest.raises(Refused, match="the worker process") as refused:
            await _optimized(workers, large, tiers=["recode", "exact"])
    assert refused.value.reason is Reason.WORKER_LOST


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
async def test_an_encoder_that_crashes_loses(
    large: bytes, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    """A crash as of an encoder without memory costs its step, and the log shows where it was."""
    async with _one_worker() as workers, _killing(workers, "avif", 1, number) as killer:
        made = await _optimized(workers, large, tiers=["recode"], min_saving=0.05)
    assert killer.left == 0
    assert made.manifest.stored.codec in {"jxl", "webp"}
    told = capfd.readouterr().out
    assert f"exit code -{number.value}" in told
    assert "Fatal Python error" in told
    assert "optimize_upload" in told


async def test_an_encoder_without_memory_is_contained(large: bytes) -> None:
    """Whatever encoders do when memory ends, the upload gets a rendition or a reason."""
    async with _one_worker() as workers:
        task = asyncio.create_task(_optimized(workers, large, tiers=["recode"]))
        for each in await _at_work(workers, "avif"):
            most = each.memory_info().vms + _HARDLY
            each.rlimit(psutil.RLIMIT_AS, (most, most))
        with contextlib.suppress(Refused):
            assert (await task).rendition
        await _optimized(workers, mosaics.jpeg(0.1))


async def test_a_lost_fork_server_is_replaced(large: bytes) -> None:
    """Its workers end with it; the job that one was at is done by a worker of the next one."""
    async with _one_worker() as workers:
        tiers = ["exact", "recode"]
        task = asyncio.create_task(_optimized(workers, large, tiers=tiers, min_saving=0.05))
        (worker,) = await _at_work(workers)
        server = worker.parent()
        assert server is not None
        server.kill()
        worker.wait(_SECONDS)
        assert (await task).rendition


async def test_cancelled_jobs_do_not_pile_up(large: bytes) -> None:
    """Clients cannot end processes faster than others are started: each holds file descriptors."""
    own = psutil.Process()
    async with _one_worker() as workers:
        await _optimized(workers, mosaics.jpeg(0.1))
        before = own.num_fds()
        for _ in range(60):
            job = asyncio.create_task(_optimized(workers, large))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
        assert own.num_fds() < before + 20


async def test_a_network_without_an_engine_is_a_busy_gateway() -> None:
    """The gateway opens connections to the engine; where it cannot, the job ends and says so."""
    restorer = models.chosen("native")[2]
    async with _one_worker() as workers:
        with pytest.raises(Busy, match="cannot be reached"):
            await workers.upscale(
                mosaics.jpeg(0.01), restorer, scale=2, format_="png", max_pixels=10**6
            )


@pytest.mark.slow  # uses up the time of a large image with the best effort
async def test_what_takes_too_long_is_tried_without_loss(large: bytes) -> None:
    """After a timeout the file is still stored in the exact tier."""
    async with _one_worker() as workers:
        await _optimized(workers, mosaics.jpeg(0.1))  # start the process
        made = await _optimized(
            workers, large, effort="best", tiers=["recode", "exact"], min_saving=0.05,
            limits={"timeout_s": _SECONDS}, floor={"psnr_db": 50, "ssim": 0.999, "orb": 0.99},
        )  # fmt: skip
        assert made.manifest.stored.tier == "exact"
        served, _ = await workers.restore(made.rendition, made.manifest)
    assert served == large


async def _at_work(workers: Workers, step: str = "") -> list[psutil.Process]:
    """Wait until a process reaches a step, and return it; empty: any step."""
    found: list[psutil.Process] = []
    while not found:
        await asyncio.sleep(0.005)  # the step is in shared memory: there is no event
        reached = any(each and each.startswith(step) for each in workers.steps)
        found = [each for each in _processes() if reached and _is_at_work(each)]
    return found


@pytest.mark.slow  # watches the clock, which is late on a busy machine
async def test_what_hangs_is_stopped_and_the_reason_says_so(large: bytes) -> None:
    """A hung process is ended by its timeout, and the next one works."""
    limits = {"timeout_s": 0.5}
    async with _one_worker() as workers:
        task = asyncio.create_task(_optimized(workers, large, limits=limits))
        for each in await _at_work(workers):
            each.suspend()
        with pytest.raises(Refused, match=r"^stopped after 3 s of wall-clock time") as refused:
            await task
        assert refused.value.reason is Reason.TIMEOUT
        small = mosaics.jpeg(0.1)
        assert (await _optimized(workers, small)).manifest.size == len(small)


@pytest.mark.slow  # searches twice in a large image, and waits
async def test_waiting_costs_an_upload_nothing(
    large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suspended process continues, even if it was suspended for longer than its time limit."""
    # Only the limit on work is tested here: a busy machine may reach the other one, too.
    monkeypatch.setattr(PolicyLimits, "wall_s", 600.0)
    limits = {"timeout_s": 1}
    async with _one_worker() as workers:
        expected = await _optimized(workers, large, limits=limits)
        task = asyncio.create_task(_optimized(workers, large, limits=limits))
        stopped = await _at_work(workers)
        for each in stopped:
            each.suspend()
        await asyncio.sleep(2)  # longer than its time limit
        for each in stopped:
            each.resume()
        assert (await task).rendition == expected.rendition


@pytest.fixture(scope="module")
def huge() -> bytes:
    """Return a file that may need more than the ordinary memory, but takes little work."""
    file = io.BytesIO()
    Image.new("L", (6300, 6300), 99).save(file, "JPEG", quality=90)
    return file.getvalue()


async def test_large_images_wait_for_each_other(
    huge: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large jobs run one at a time; others continue beside them."""
    engine = Engine.model_validate({"workers": 2, "worker_memory": "4GiB"})
    async with Workers(engine, address=_NO_ENGINE) as workers:
        optimized, running, most = workers._optimized, 0, 0

        async def counted(*arguments: Any, may_be_large: bool) -> Optimized:
            nonlocal running, most
            running += may_be_large
            most = max(most, running)
            try:
                return await optimized(*arguments, may_be_large=may_be_large)
            finally:
                running -= may_be_large

        monkeypatch.setattr(workers, "_optimized", counted)
        made = await asyncio.gather(
            *(_optimized(workers, each, tiers=["exact"], min_saving=0) for each in (huge, huge))
        )
    assert [each.manifest.stored.tier for each in made] == ["exact", "exact"]
    assert most == 1


async def test_large_images_are_not_waited_for_without_end(huge: bytes) -> None:
    """A large image that would wait too long stays as it is."""
    engine = Engine.model_validate({"workers": 2, "worker_memory": "4GiB", "max_queue_wait_s": 0.1})
    async with Workers(engine, address=_NO_ENGINE) as workers, workers._large:
        with pytest.raises(Busy, match="large"):
            await _optimized(workers, huge, tiers=["exact"], min_saving=0)


async def test_a_photograph_in_a_palette_is_optimized_and_restored() -> None:
    """A forked process has no threads of BLAS, so the nearest colours are found without."""
    target = io.BytesIO()
    with Image.open(io.BytesIO(mosaics.jpeg(0.2))) as image:
        image.convert("RGB").quantize(256).save(target, "PNG")
    data = target.getvalue()
    async with _one_worker() as workers:
        made = await _optimized(workers, data, min_saving=0.05, limits={"timeout_s": 10})
        assert made.manifest.output is not None
        assert made.manifest.output.indexed
        served, as_recorded = await workers.restore(made.rendition, made.manifest)
    assert (as_recorded, len(served)) == (True, len(data))
