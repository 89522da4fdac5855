"""What works through the queue, in virtual time."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from slimgate.config import Deferred
from slimgate.gateway.deferred.background import Background
from slimgate.gateway.deferred.images import Failed, Outcome, TryAgain
from slimgate.gateway.deferred.queue import Claimed
from slimgate.gateway.handlers.deferring import QueuedUpload, QueueUnavailable
from slimgate.gateway.telemetry import metrics
from tests import virtual_time
from tests.memory_queue import MemoryQueue


class _Images:
    """Takes a second for each image.

    Args:
        errors: What the first attempts end with.
    """

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.begun: list[tuple[str, float]] = []
        self.running = self.most = 0

    async def __call__(self, claimed: Claimed) -> Outcome:
        """Process an image."""
        self.begun.append((claimed.upload.key, asyncio.get_running_loop().time()))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(1)
        finally:
            self.running -= 1
        if self.errors:
            raise self.errors.pop(0)
        return Outcome.OPTIMIZED


def _run(images: _Images, uploads: int, lasting_s: float, **settings: Any) -> MemoryQueue:
    """Work for a while; return the queue."""

    async def work() -> MemoryQueue:
        chosen = Deferred(**settings)
        queue = MemoryQueue(chosen, asyncio.get_running_loop().time)
        for number in range(uploads):
            upload = QueuedUpload("b", f"k{number}", "e")
            await queue.confirm(await queue.intend(upload) or "", upload)
        async with Background(chosen, queue, images, lambda: True):
            await asyncio.sleep(lasting_s)
        return queue

    return virtual_time.run(work())


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_images_at_a_time_than_allowed(concurrency: int) -> None:
    """All uploads are processed, as many at a time as is allowed."""
    images = _Images()
    queue = _run(images, 9, 60, concurrency=concurrency)
    assert (len(images.begun), images.most, queue.uploads) == (9, concurrency, [])


def test_images_are_begun_at_a_rate() -> None:
    """With a rate, uploads wait for their turn."""
    images = _Images()
    _run(images, 10, 301, images_per_minute=2)
    assert len(images.begun) in {10, 11}
    assert images.begun[-1][1] >= 240


def test_pauses_leave_a_share_of_the_time() -> None:
    """With a quarter of the time, each second of work is followed by three of rest."""
    images = _Images()
    _run(images, 20, 40, cpu_share=0.25)
    assert len(images.begun) == 10


@pytest.mark.parametrize("error", [TryAgain("busy"), ValueError("unexpected")])
def test_attempts_are_farther_and_farther_apart(error: Exception) -> None:
    """An image whose attempts fail is tried again after longer and longer pauses."""
    images = _Images(*[error] * 5)
    queue = _run(images, 1, 300)
    times = [at for _, at in images.begun]
    pauses = [after - before - 1 for before, after in itertools.pairwise(times)]
    assert [round(pause) for pause in pauses] == [2, 4, 8, 16, 32]
    assert queue.uploads == []


@pytest.mark.parametrize(("errors", "attempts"), [([Failed("no")], 1), ([TryAgain("busy")] * 9, 3)])
def test_what_fails_for_good_is_counted(errors: list[Exception], attempts: int) -> None:
    """A failed image, or one that was tried often enough, leaves the queue and is counted."""
    before = _failed()
    images = _Images(*errors)
    queue = _run(images, 1, 3000, max_attempts=3)
    assert (len(images.begun), queue.uploads, _failed()) == (attempts, [], before + 1)


def test_what_is_at_work_at_the_end_is_queued_again() -> None:
    """A gateway that ends leaves its images to the next one, at once."""
    images = _Images()
    queue = _run(images, 1, 0.7)
    (entry,) = queue._entries.values()
    assert (entry.owned, entry.due < 1) == (False, True)


@pytest.mark.parametrize("step", ["claim", "renew", "complete"])
def test_a_bug_of_the_queue_ends_nothing(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the queue raises once is logged, and the next images are processed."""
    works = getattr(MemoryQueue, step)
    calls = itertools.count()

    async def fails_once(*arguments: Any) -> Any:
        if next(calls) == 0:
            raise ValueError("unexpected")
        return await works(*arguments)

    monkeypatch.setattr(MemoryQueue, step, fails_once)
    images = _Images()
    _run(images, 3, 60)
    assert {key for key, _ in images.begun} == {"k0", "k1", "k2"}


@pytest.mark.parametrize(("step", "attempts"), [("complete", 1), ("retry", 2)])
def test_the_queue_is_told_until_it_knows(
    step: str, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image whose end could not be recorded is not forgotten until a restart."""
    works = getattr(MemoryQueue, step)
    calls = itertools.count()

    async def fails_twice(*arguments: Any) -> Any:
        if next(calls) < 2:
            raise QueueUnavailable("full disk")
        return await works(*arguments)

    monkeypatch.setattr(MemoryQueue, step, fails_twice)
    images = _Images(*[TryAgain("busy")] * (attempts - 1))
    queue = _run(images, 1, 60, lease_s=3)
    assert (len(images.begun), queue.uploads) == (attempts, [])


def test_a_long_search_keeps_its_lease() -> None:
    """An image that takes longer than a lease is not begun twice."""
    images = _Images()

    async def slow(claimed: Claimed) -> Outcome:
        await asyncio.sleep(30)
        return await images(claimed)

    queue = _run_with(slow, lease_s=3, concurrency=2)
    assert (len(images.begun), queue.uploads) == (1, [])


def _run_with(images: Callable[[Claimed], Any], **settings: Any) -> MemoryQueue:
    async def work() -> MemoryQueue:
        chosen = Deferred(**settings)
        queue = MemoryQueue(chosen, asyncio.get_running_loop().time)
        upload = QueuedUpload("b", "k", "e")
        await queue.confirm(await queue.intend(upload) or "", upload)
        async with Background(chosen, queue, images, lambda: True):
            await asyncio.sleep(60)
        return queue

    return virtual_time.run(work())


def _failed() -> float:
    value: float = metrics.DEFERRED_IMAGES.labels("failed")._value.get()
    return value
