"""Tests of what a score costs."""

import math

import pytest

from slimgate.models.training import price
from slimgate.models.training.price import Price


def test_prices_are_the_slope_of_error_over_bytes() -> None:
    """Where an e-fold of bytes buys 3 at all qualities, whatever the batch, the price is 3."""
    batches = iter(range(1, 1000))

    def trial(qualities: tuple[int, int]) -> tuple[tuple[int, float], tuple[int, float]]:
        harder = next(batches)
        low, high = (1000 + 50 * harder + 20 * quality for quality in qualities)
        return (low, harder - 3 * math.log(low)), (high, harder - 3 * math.log(high))

    assert price.measured(trial).errors == pytest.approx([3.0] * len(price.QUALITIES))


def test_prices_between_qualities_are_interpolated() -> None:
    """Between two qualities the logarithm is interpolated; beyond all, the last one counts."""
    found = Price((16.0, 4.0, 2.0, 1.0, 0.5))
    assert [found.at(quality) for quality in (20, 35, 40, 45, 99)] == pytest.approx(
        [16, 16, 8, 4, 0.5]
    )


def test_prices_stay_positive() -> None:
    """Where more bytes buy nothing, the price is small and not negative."""
    found = price.measured(lambda _: ((100, 1.0), (200, 2.0)))
    assert all(0 < error < 0.1 for error in found.errors)
