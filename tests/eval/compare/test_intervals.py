import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from slimgate.eval.compare import intervals
from slimgate.eval.compare.intervals import Estimate, Floats, WinRate

counts = st.integers(0, 300)


def _means(values: Floats, seed: int = 1) -> Estimate:
    column = values[:, None]
    (found,) = intervals.ratios(column, np.ones_like(column), seed)
    assert found is not None
    return found


def test_interval_of_a_mean() -> None:
    """Intervals agree with scipy's bootstrap within chance."""
    values = np.random.default_rng(5).gamma(2.0, size=200)
    ours = _means(values)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(6)
    ).confidence_interval
    assert pytest.approx(values.mean()) == ours.value
    assert pytest.approx((theirs.low, theirs.high), rel=0.02) == (ours.low, ours.high)


def test_interval_covers_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """About 95 of 100 intervals hold the mean of what samples were drawn from."""
    monkeypatch.setattr(intervals, "RESAMPLES", 300)
    random = np.random.default_rng(7)
    found = [_means(random.normal(10, 2, size=60), seed) for seed in range(200)]
    assert 0.9 < np.mean([each.low <= 10 <= each.high for each in found]) < 0.99


def test_interval_of_a_share_of_bytes() -> None:
    """A share of bytes is a ratio of sums: large images count for what they hold."""
    over, under = np.array([[50.0], [900.0]]), np.array([[100.0], [1000.0]])
    (found,) = intervals.ratios(over, under, 1)
    assert found == Estimate(950 / 1100, 0.5, 0.9)


def test_what_was_not_measured_is_left_out() -> None:
    """Images without a figure change neither the mean nor which resamples count."""
    over = np.array([[3.0, 0.0], [0.0, 0.0], [5.0, 0.0]])
    under = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    first, second = intervals.ratios(over, under, 1)
    assert (first, second) == (Estimate(4.0, 3.0, 5.0), None)
    assert intervals.ratios(np.zeros((0, 1)), np.zeros((0, 1)), 1) == [None]


def test_same_seed_same_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal seeds yield equal intervals, even when drawn in chunks; others differ."""
    values = np.random.default_rng(8).normal(size=50)
    assert _means(values, 1) == _means(values, 1) != _means(values, 2)
    monkeypatch.setattr(intervals, "_CHUNK_NUMBERS", 50 * 300)
    assert _means(values, 1) == _means(values, 1)
    assert pytest.approx(values.mean()) == _means(values).value


@given(counts, counts, counts)
def test_win_rates(wins: int, ties: int, losses: int) -> None:
    """Ties count half, and the interval is Wilson's."""
    found = WinRate(wins, ties, losses).rate
    if not wins + ties + losses:
        assert found is None
        return
    assert found is not None
    assert found.value == pytest.approx((wins + ties / 2) / (wins + ties + losses))
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    if not ties:
        exact = stats.binomtest(wins, wins + losses).proportion_ci(method="wilson")
        assert pytest.approx((exact.low, exact.high), abs=1e-6) == (found.low, found.high)


def test_wins_are_counted_in_pairs() -> None:
    """The larger figure of a pair wins."""
    assert WinRate(1, 1, 2) == intervals.win_rate([3, 2, 1, 0], [2, 2, 2, 2])
