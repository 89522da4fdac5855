"""Tests of the scale of qualities."""

import itertools

import pytest

from slimgate.codec.search import fineness


def test_it_starts_at_50_and_rises_everywhere() -> None:
    """Quality 50 has fineness 0; every step adds some, without jumps."""
    assert fineness.of(50) == 0
    steps = [fineness.of(b) - fineness.of(a) for a, b in itertools.pairwise(range(-10, 120))]
    assert 0.05 < min(steps) < max(steps) < 0.25


@pytest.mark.parametrize("quality", [-40, 8, 30, 50, 60, 83, 90, 96, 130])
def test_every_fineness_has_its_quality(quality: int) -> None:
    """Quality and fineness are inverse, beyond the range of qualities, too."""
    assert fineness.quality(fineness.of(quality)) == pytest.approx(quality)
