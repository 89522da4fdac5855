"""Tests of whose tile is next."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from slimgate.models.engine.tile_scheduler import Job, TileScheduler
from slimgate.models.engine.tiling import Tiling


def _job(number: int, tiles: int) -> Job:
    """Make a job of so many tiles."""
    empty = np.empty((1, tiles, 3), np.uint8)
    tiling = Tiling(1, tiles, tile=1, halo=0, scale=1)
    return Job(number, empty, empty, tiling, level=0, cost=tiles, since=0.0, deadline=0.0)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("join"), st.integers(1, 20)),
            st.tuples(st.just("take"), st.integers(1, 9)),
            st.tuples(st.just("leave"), st.integers(0, 9)),
        )
    )
)
def test_every_tile_is_taken_once(steps: list[tuple[str, int]]) -> None:
    """Each job yields its tiles once, in order, and none after it left."""
    turns, jobs = TileScheduler(), dict[int, Job]()
    taken = Counter[int]()
    for number, (step, amount) in enumerate(steps):
        if step == "join":
            jobs[number] = _job(number, amount)
            turns.join(jobs[number])
        elif step == "leave" and amount < len(jobs):
            turns.leave(jobs.pop(list(jobs)[amount]))
        elif step == "take":
            for job, tile in turns.take(amount):
                assert job is jobs[job.number]
                assert taken[job.number] == tile
                taken[job.number] += 1
        expected = sum(len(job.tiling) - taken[number] for number, job in jobs.items())
        assert turns.waiting == expected
    assert turns.waiting == len(turns.take(10_000))


def test_small_images_overtake_large_ones() -> None:
    """An image of one tile is taken with the next two tiles, however many large ones wait."""
    turns = TileScheduler()
    for number in range(20):
        turns.join(_job(number, 100))
    for number in range(100, 120):
        turns.take(7)
        turns.join(_job(number, 1))
        assert number in {job.number for job, _ in turns.take(2)}


def test_large_images_do_not_starve() -> None:
    """While small images never stop coming, every fourth tile still goes round robin."""
    turns = TileScheduler()
    large, small, waiting = _job(0, 10), 5, 0
    turns.join(large)
    for number in range(1, 1 + 4 * (small + 1) * 10):
        for each in range(small - waiting):
            turns.join(_job(10 * number + each, 1))
        ((taken, _),) = turns.take(1)
        waiting = small if taken is large else small - 1
    assert large.taken == 10


def test_equal_images_keep_their_order() -> None:
    """Of two images of the same length the one that came first is finished first."""
    turns = TileScheduler()
    first, second = _job(1, 6), _job(2, 6)
    turns.join(first)
    turns.join(second)
    order = [job for job, _ in turns.take(12)]
    assert (first.taken, second.taken) == (6, 6)
    assert second is order[-1]
