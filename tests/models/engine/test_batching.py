"""Tests of the queue in which images share batches."""

import asyncio
import contextlib
import gc
import math
import threading
import tracemalloc
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimgate.models.engine.batching import BatchingQueue
from slimgate.models.engine.network import (
    BadResult,
    Busy,
    EngineError,
    OutOfMemory,
    Pixels,
    TooLate,
)
from tests.models.fakes import FakeNetwork

_PATIENCE_S = 60.0
"""Nothing here takes long; this only turns what hangs into a failure."""

_FOR_EVER_MS = 1e9


@dataclass(frozen=True)
class _Request:
    """One image: an exact copy can be computed without the queue."""

    seed: int
    height: int
    width: int
    fate: str = "wait"

    @property
    def level(self) -> int:
        return self.seed % 256

    def pixels(self) -> Pixels:
        random = np.random.default_rng(self.seed)
        return random.integers(0, 256, (self.height, self.width, 3), dtype=np.uint8)

    def submit(self, queue: BatchingQueue, timeout_s: float | None = None) -> Future[Pixels]:
        scale = queue.network.scale
        size = (self.height * scale, self.width * scale, 3)
        return queue.submit(
            self.pixels(),
            level=self.level,
            canvas=lambda: np.full(size, 128, np.uint8),
            timeout_s=timeout_s,
        )

    def expected(self, network: FakeNetwork) -> Pixels:
        sums = 128 + network.whole(self.pixels(), self.level).astype(np.int64)
        return np.clip(sums, 0, 255).astype(np.uint8)


class _Gate:
    """Hold batches back until each is let through."""

    def __init__(self) -> None:
        self._entered, self._let = threading.Semaphore(0), threading.Semaphore(0)
        self.levels: list[set[int]] = []

    def __call__(self, tiles: Pixels) -> None:
        self.levels.append(set(tiles[:, 0, 0, 3].tolist()))
        self._entered.release()
        assert self._let.acquire(timeout=_PATIENCE_S)

    def wait(self) -> None:
        """Wait until the next batch stands before the gate."""
        assert self._entered.acquire(timeout=_PATIENCE_S)

    def open(self, batches: int = 1000) -> None:
        """Let batches through."""
        self._let.release(batches)


@contextlib.contextmanager
def _gated(
    network: FakeNetwork, *, max_wait_ms: float = 0, max_pixels: int = 10**9
) -> Iterator[tuple[BatchingQueue, _Gate]]:
    """Run a queue whose first batch, of a tile of level 0, is held back."""
    network.before = gate = _Gate()
    with BatchingQueue(network, max_wait_ms=max_wait_ms, max_pixels=max_pixels) as queue:
        try:
            _Request(0, 1, 1).submit(queue)
            gate.wait()
            yield queue, gate
        finally:
            gate.open()


def _cost(network: FakeNetwork) -> int:
    """Return the pixels of one tile."""
    return (network.core * network.scale) ** 2


_REQUESTS = st.lists(
    st.builds(
        _Request,
        seed=st.integers(0, 2**32),
        height=st.integers(1, 19),
        width=st.integers(1, 19),
        fate=st.sampled_from(["wait", "wait", "wait", "cancel", "late"]),
    ),
    max_size=12,
)
_FAULTS = st.dictionaries(
    st.integers(1, 25),
    st.sampled_from(
        [EngineError("broken"), BadResult("not finite"), ValueError("a bug"), MemoryError()]
    ),
    max_size=3,
)


@settings(deadline=None)
@given(
    requests=_REQUESTS,
    faults=_FAULTS,
    max_batch=st.integers(1, 9),
    memory=st.integers(1, 9),
    max_wait_ms=st.sampled_from([0, 1]),
)
def test_whatever_happens_results_are_right(
    requests: list[_Request],
    faults: dict[int, Exception],
    max_batch: int,
    memory: int,
    max_wait_ms: int,
) -> None:
    """Each image ends as itself or as it has to; nothing hangs, and the counters add up."""
    calls = iter(range(1, 10_000))

    def before(_: Pixels) -> None:
        if fault := faults.get(next(calls)):
            raise fault

    network = FakeNetwork(max_batch=max_batch, memory=memory, before=before)
    with BatchingQueue(network, max_wait_ms=max_wait_ms, max_pixels=10**9) as queue:
        with ThreadPoolExecutor(2) as threads:
            outcomes = Counter(threads.map(lambda each: _outcome(each, queue, network), requests))
        counters = queue.counters
    assert faults or not outcomes["failed"]
    named = ("finished", "failed", "late", "cancelled")
    assert {name: outcomes[name] for name in named} == {
        name: getattr(counters, name) for name in named
    }
    assert (len(requests), 0) == (counters.taken, counters.waiting_pixels)
    assert (len(network.batches), sum(network.batches)) == (counters.batches, counters.tiles)
    assert counters.tiles <= counters.slots <= counters.batches * max_batch
    assert 0 <= counters.fill <= 1


def _outcome(request: _Request, queue: BatchingQueue, network: FakeNetwork) -> str:
    """Submit one image, check what comes of it, and name it as the counters do."""
    future = request.submit(queue, timeout_s=0 if request.fate == "late" else None)
    if request.fate == "cancel":
        future.cancel()
    try:
        actual = future.result(_PATIENCE_S)
    except CancelledError:
        assert request.fate == "cancel"
        return "cancelled"
    except TooLate:
        assert request.fate == "late"
        return "late"
    except EngineError:
        return "failed"
    np.testing.assert_array_equal(request.expected(network), actual)
    return "finished"


def test_images_share_batches() -> None:
    """Tiles of several images that wait at the same time are computed together, and rightly."""
    network = FakeNetwork(max_batch=4)
    requests = [_Request(seed, 5, 3) for seed in range(1, 5)]  # two tiles each
    with _gated(network) as (queue, gate):
        futures = [request.submit(queue) for request in requests]
        gate.open()
        for request, future in zip(requests, futures, strict=True):
            actual = future.result(_PATIENCE_S)
            np.testing.assert_array_equal(request.expected(network), actual)
        assert queue.counters.fill == 9 / 12
    assert network.batches == [1, 4, 4]


def test_a_full_batch_does_not_wait() -> None:
    """A batch goes out once it is full, however long its tiles might wait."""
    network = FakeNetwork(max_batch=4)
    with BatchingQueue(network, max_wait_ms=_FOR_EVER_MS, max_pixels=10**9) as queue:
        futures = [_Request(seed, 1, 1).submit(queue) for seed in range(4)]
        for future in futures:
            future.result(_PATIENCE_S)
    assert network.batches == [4]


def test_a_batch_that_is_not_full_goes_out_in_time() -> None:
    """A tile that waits alone is computed all the same."""
    network = FakeNetwork(max_batch=4)
    with BatchingQueue(network, max_wait_ms=1, max_pixels=10**9) as queue:
        _Request(1, 1, 1).submit(queue).result(_PATIENCE_S)
        assert queue.counters.fill == 1 / 4


def test_batches_can_be_smaller_than_the_network_takes() -> None:
    """The limit of the queue counts where it is below that of the network."""
    network = FakeNetwork(max_batch=4)
    with BatchingQueue(network, max_wait_ms=0, max_pixels=10**9, max_batch=3) as queue:
        _Request(1, 4, 28).submit(queue).result(_PATIENCE_S)
    assert network.batches == [3, 3, 1]


def test_what_does_not_fit_is_refused_at_once() -> None:
    """With the bound reached there is Busy and no canvas; once something is done, there is room."""
    network = FakeNetwork()
    with _gated(network, max_pixels=3 * _cost(network)) as (queue, gate):
        second = _Request(1, 4, 8).submit(queue)
        with pytest.raises(Busy, match="in flight"):
            queue.submit(_Request(2, 1, 1).pixels(), level=0, canvas=pytest.fail)
        assert (queue.counters.taken, queue.counters.refused) == (2, 1)
        assert 3 * _cost(network) == queue.counters.waiting_pixels
        gate.open()
        second.result(_PATIENCE_S)
        _Request(2, 4, 8).submit(queue).result(_PATIENCE_S)


def test_a_huge_image_is_taken_alone() -> None:
    """An image above the bound is taken when the queue is empty, and nothing beside it."""
    network = FakeNetwork()
    network.before = gate = _Gate()
    with BatchingQueue(network, max_wait_ms=0, max_pixels=1) as queue:
        huge = _Request(1, 30, 30).submit(queue)
        with pytest.raises(Busy):
            _Request(2, 1, 1).submit(queue)
        gate.open()
        actual = huge.result(_PATIENCE_S)
    np.testing.assert_array_equal(_Request(1, 30, 30).expected(network), actual)


def test_an_image_without_a_canvas_leaves_its_room() -> None:
    """When the canvas cannot be made the error reaches the caller and nothing stays reserved."""
    network = FakeNetwork()

    def broken() -> Pixels:
        raise MemoryError

    with BatchingQueue(network, max_wait_ms=0, max_pixels=_cost(network)) as queue:
        with pytest.raises(MemoryError):
            queue.submit(_Request(1, 1, 1).pixels(), level=0, canvas=broken)
        assert (queue.counters.waiting_pixels, queue.counters.failed) == (0, 1)
        _Request(1, 1, 1).submit(queue).result(_PATIENCE_S)


def _frozen() -> Pixels:
    canvas = np.zeros((2, 2, 3), np.uint8)
    canvas.flags.writeable = False
    return canvas


@pytest.mark.parametrize(
    ("level", "canvas"),
    [
        (-1, lambda: np.zeros((2, 2), np.uint8)),
        (256, lambda: np.zeros((2, 2), np.uint8)),
        (0, lambda: np.zeros((2, 3), np.uint8)),
        (0, lambda: np.zeros((2, 2, 4), np.uint8)),
        (0, lambda: np.zeros((2, 2), np.int8)),
        (0, _frozen),
    ],
)
def test_arguments_are_checked(level: int, canvas: Callable[[], Pixels]) -> None:
    """Invalid input is refused with the reason before it reaches a batch."""
    with BatchingQueue(FakeNetwork(), max_wait_ms=0, max_pixels=10**9) as queue:
        with pytest.raises(ValueError, match=r"level must be|canvas must be"):
            queue.submit(np.zeros((1, 1, 3), np.uint8), level=level, canvas=canvas)
        assert queue.counters.waiting_pixels == 0


@pytest.mark.parametrize(
    "limits",
    [
        {"max_wait_ms": -1, "max_pixels": 1},
        {"max_wait_ms": math.inf, "max_pixels": 1},
        {"max_wait_ms": math.nan, "max_pixels": 1},
        {"max_wait_ms": 0, "max_pixels": 0},
        {"max_wait_ms": 0, "max_pixels": 1, "max_batch": 0},
    ],
)
def test_limits_are_checked(limits: dict[str, int]) -> None:
    """A queue that could never work is not made."""
    with pytest.raises(ValueError, match="at least"):
        BatchingQueue(FakeNetwork(), **limits)


def test_cancelled_images_are_not_computed() -> None:
    """The tiles of an image that its caller gave up are never computed, and its room is free."""
    network = FakeNetwork(max_batch=1)
    with _gated(network) as (queue, gate):
        future = _Request(1, 40, 40).submit(queue)
        gate.open(batches=3)
        for _ in range(3):
            gate.wait()
        assert future.cancel()
        assert queue.counters.waiting_pixels == 0
        gate.open()
        _Request(2, 1, 1).submit(queue).result(_PATIENCE_S)
        assert queue.counters.cancelled == 1
    assert gate.levels == [{0}, {1}, {1}, {1}, {2}]


async def test_cancelled_tasks_are_not_computed() -> None:
    """The same holds where a coroutine waits and is cancelled."""
    network = FakeNetwork(max_batch=1)
    with _gated(network) as (queue, gate):
        waiting = asyncio.wrap_future(_Request(1, 40, 40).submit(queue))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(0)  # the loop passes cancellations on in its next round
        gate.open()
        request = _Request(2, 9, 9)
        actual = await asyncio.wrap_future(request.submit(queue))
        np.testing.assert_array_equal(request.expected(network), actual)
    assert {1} not in gate.levels


def test_deadlines_hold_for_what_is_half_done() -> None:
    """When the deadline passes in the middle of an image the rest of it is not computed."""
    network = FakeNetwork(max_batch=1)
    with _gated(network) as (queue, gate):
        future = _Request(1, 40, 40).submit(queue, timeout_s=1e6)
        gate.open(batches=2)
        for _ in range(2):
            gate.wait()
        (job,) = queue._inflight._jobs.values()
        job.deadline = 0
        gate.open()
        assert isinstance(future.exception(_PATIENCE_S), TooLate)
        assert queue.counters.late == 1
    assert gate.levels == [{0}, {1}, {1}]


def test_deadlines_pass_while_nothing_happens() -> None:
    """An image whose batch would wait longer than the deadline fails without it."""
    network = FakeNetwork(max_batch=4)
    with BatchingQueue(network, max_wait_ms=_FOR_EVER_MS, max_pixels=10**9) as queue:
        future = _Request(1, 1, 1).submit(queue, timeout_s=0.01)
        assert isinstance(future.exception(_PATIENCE_S), TooLate)
    assert network.batches == []


def test_small_images_overtake() -> None:
    """Behind a large image a small one is in the very next batch."""
    network = FakeNetwork(max_batch=2)
    with _gated(network) as (queue, gate):
        large, small = _Request(1, 40, 40).submit(queue), _Request(2, 1, 1).submit(queue)
        gate.open()
        small.result(_PATIENCE_S)
        large.result(_PATIENCE_S)
    assert gate.levels[1] == {1, 2}


def test_smaller_batches_are_remembered() -> None:
    """When memory runs out the batch is halved until it fits, and so are the next ones."""
    network, request = FakeNetwork(max_batch=8, memory=2), _Request(1, 4, 40)
    with BatchingQueue(network, max_wait_ms=0, max_pixels=10**9) as queue:
        actual = request.submit(queue).result(_PATIENCE_S)
        assert (queue.counters.halvings, queue.counters.failed) == (2, 0)
    np.testing.assert_array_equal(request.expected(network), actual)
    assert network.batches == [2, 2, 2, 2, 2]


def test_one_tile_without_memory_fails() -> None:
    """Where not even one tile fits the image fails and says so."""
    with BatchingQueue(FakeNetwork(memory=0), max_wait_ms=0, max_pixels=10**9) as queue:
        future = _Request(1, 4, 40).submit(queue)
        assert isinstance(future.exception(_PATIENCE_S), OutOfMemory)


@pytest.mark.parametrize("fault", [EngineError("broken"), RuntimeError("a bug")])
def test_faults_fail_their_batch_alone(fault: Exception) -> None:
    """Images in the failed batch get the reason; the ones after it are computed."""

    def before(tiles: Pixels) -> None:
        if 1 in tiles[..., 3]:
            raise fault

    network = FakeNetwork(max_batch=2, before=before)
    with BatchingQueue(network, max_wait_ms=_FOR_EVER_MS, max_pixels=10**9) as queue:
        failing = [_Request(seed, 1, 1).submit(queue) for seed in (1, 2)]
        for future in failing:
            with pytest.raises(EngineError, match=str(fault)) as raised:
                future.result(_PATIENCE_S)
            assert fault is raised.value.__cause__
        working = [_Request(seed, 1, 1).submit(queue) for seed in (3, 4)]
        for future in working:
            future.result(_PATIENCE_S)
        assert (queue.counters.failed, queue.counters.finished) == (2, 2)


class _WrongShape(FakeNetwork):
    def run(self, tiles: Pixels) -> Pixels:
        return np.zeros((len(tiles), 1, 1, 3), np.uint8)


class _WrongType(FakeNetwork):
    def run(self, tiles: Pixels) -> Pixels:
        return super().run(tiles).view(np.uint8)


@pytest.mark.parametrize("network", [_WrongShape(gives="pixels"), _WrongType()])
def test_what_is_no_image_is_faulty(network: FakeNetwork) -> None:
    """A result of another shape or type than promised is an error and never a wrong image."""
    with BatchingQueue(network, max_wait_ms=0, max_pixels=10**9) as queue:
        assert isinstance(_Request(1, 1, 1).submit(queue).exception(_PATIENCE_S), BadResult)


def test_closing_fails_what_waits() -> None:
    """Closing releases everybody at once, waits for the batch at work, and ends the thread."""
    network = FakeNetwork(max_batch=1)
    with _gated(network) as (queue, gate), ThreadPoolExecutor(1) as threads:
        future = _Request(1, 40, 40).submit(queue)
        closing = threads.submit(queue.close)
        with pytest.raises(EngineError, match="closed"):
            future.result(_PATIENCE_S)
        assert not closing.done()
        gate.open()
        closing.result(_PATIENCE_S)
        assert not queue._thread.is_alive()
        with pytest.raises(EngineError, match="closed"):
            _Request(2, 1, 1).submit(queue)
    assert gate.levels == [{0}]
    assert queue.counters.waiting_pixels == 0


def test_closing_computes_nothing_more() -> None:
    """Tiles that wait for a full batch when the queue is closed are given up, not hurried."""
    network = FakeNetwork(max_batch=4)
    with BatchingQueue(network, max_wait_ms=_FOR_EVER_MS, max_pixels=10**9) as queue:
        future = _Request(1, 4, 12).submit(queue)
    assert isinstance(future.exception(_PATIENCE_S), EngineError)
    assert (network.batches, queue.counters.failed) == ([], 1)


def test_results_are_freed_without_the_garbage_collector() -> None:
    """Once a caller drops result and future, the memory of the image is free at once."""
    canvas = np.zeros((18, 18, 3), np.uint8)
    alive = weakref.ref(canvas)
    gc.disable()
    try:
        with BatchingQueue(FakeNetwork(), max_wait_ms=0, max_pixels=10**9) as queue:
            made = [canvas]
            del canvas
            future = queue.submit(np.zeros((9, 9, 3), np.uint8), level=0, canvas=made.pop)
            future.result(_PATIENCE_S)
            del future
            # The thread still had its hands on the last batch while the result was handed over.
            _Request(1, 1, 1).submit(queue).result(_PATIENCE_S)
            assert alive() is None
    finally:
        gc.enable()


def test_tiles_are_made_when_their_batch_is() -> None:
    """An image that waits takes no more memory than itself and its canvas."""
    network = FakeNetwork(core=4)
    pixels, canvas = np.zeros((400, 400, 3), np.uint8), np.zeros((800, 800, 3), np.uint8)
    with _gated(network) as (queue, _):
        tracemalloc.start()
        try:
            future = queue.submit(pixels, level=0, canvas=lambda: canvas)
            grown, _peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        future.cancel()
    assert grown < pixels.nbytes / 10
