"""Tests of leaving out steps that are far from usual."""

import math

import pytest

from slimgate.models.training.errors import Diverged
from slimgate.models.training.spikes import Spikes


def _settled() -> Spikes:
    spikes = Spikes()
    assert spikes.accepts(1.0, [99.0])
    assert all(spikes.accepts(1.0, [0.1, 0.2]) for _ in range(49))
    return spikes


@pytest.mark.parametrize(
    ("error", "norms", "taken"),
    [
        (5.9, [0.1, 9.0], True),
        (6.1, [0.1, 0.1], False),
        (math.nan, [0.1, 0.1], False),
        (1.0, [0.1, math.inf], False),
        (None, [0.1, 0.1], True),
        (None, [math.nan, 0.1], False),
    ],
)
def test_steps_far_from_usual_are_left_out(
    error: float | None, norms: list[float], *, taken: bool
) -> None:
    """Six times the usual error, or anything that is not finite, is no step to take."""
    spikes = _settled()
    assert spikes.accepts(error, norms) == taken
    assert spikes.skipped == (not taken)
    assert spikes.usual == pytest.approx(1.0 if error != 5.9 else 1.098)


def test_runs_that_only_spike_have_diverged() -> None:
    """Many such steps in a row are an error; one that is taken starts the count again."""
    spikes = _settled()
    for _ in range(3):
        assert not any(spikes.accepts(math.nan, [0.1]) for _ in range(49))
        assert spikes.accepts(1.0, [0.1])
    assert not any(spikes.accepts(99.0, [0.1]) for _ in range(49))
    with pytest.raises(Diverged, match=r"lower schedule\.rate and downscaler\.rate"):
        spikes.accepts(99.0, [0.1])
