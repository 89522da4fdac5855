"""Tests of the size of batches."""

import pytest

from slimgate.models.engine.batch_limit import BatchLimit


@pytest.mark.parametrize(("size", "half"), [(2, 1), (3, 2), (8, 4), (9, 5)])
def test_half_is_less_and_at_least_one(size: int, half: int) -> None:
    """A batch out of memory is retried with half its tiles, always fewer and at least one."""
    limit = BatchLimit(16)
    assert limit.halve(size, now=100.0) == half
    assert limit.at(100.0) == half


def test_a_smaller_limit_is_remembered_for_a_minute() -> None:
    """The limit doubles minute by minute until it is what it was."""
    limit = BatchLimit(7)
    limit.halve(4, now=100.0)
    moments = (100.0, 159.9, 160.0, 219.9, 220.0, 1000.0)
    assert [limit.at(now) for now in moments] == [2, 2, 4, 4, 7, 7]


def test_another_failure_starts_the_minute_anew() -> None:
    """A limit that was raised too early goes down again, for as long."""
    limit = BatchLimit(8)
    limit.halve(8, now=0.0)
    assert limit.at(60.0) == 8
    assert limit.halve(8, now=61.0) == 4
    assert [limit.at(120.9), limit.at(121.0)] == [4, 8]
