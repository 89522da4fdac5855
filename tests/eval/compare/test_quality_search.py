import math
from collections.abc import Callable

import pytest

from slimgate.eval.compare import quality_search

CURVES: dict[str, Callable[[int], float]] = {
    "straight": lambda q: q - 60.5,
    "steep": lambda q: 4.0 * (q - 33),
    "bent": lambda q: 30 * math.log(q / 40),
    "exponential": lambda q: math.exp(q / 20) - 70,
    "stairs": lambda q: float(q // 7 - 9),
    "low": lambda _: 5.0,
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("start", [1, 50, 100])
def test_the_lowest_quality_is_found_in_few_trials(name: str, start: int) -> None:
    """On any growing curve the first quality at or above 0 is found, in a dozen trials at most."""
    curve, known = CURVES[name], dict[int, float]()
    expected = next(quality for quality in range(1, 101) if curve(quality) >= 0)
    assert quality_search.lowest(curve, known, start=start) == expected
    assert len(known) <= 12


def test_what_is_out_of_reach_is_none() -> None:
    """Where not even the highest quality reaches it there is nothing to find."""
    assert None is quality_search.lowest(lambda q: q - 200.0, {}, start=50)


def test_what_is_known_is_not_tried_again() -> None:
    """Values that were measured before are not measured once more."""
    known = {60: -0.5, 61: 0.5}
    assert quality_search.lowest(lambda _: pytest.fail("tried"), known, start=50) == 61


def test_the_nearest_quality_may_be_below() -> None:
    """The nearest quality is on either side of 0, or at an end where nothing reaches it."""
    assert quality_search.nearest(lambda q: q - 60.25, {}, start=50) == 60
    assert quality_search.nearest(lambda q: q - 60.75, {}, start=50) == 61
    assert quality_search.nearest(lambda q: q - 200.0, {}, start=50) == 100
    assert quality_search.nearest(lambda q: q + 5.0, {}, start=50) == 1


def test_near_enough_ends_the_search() -> None:
    """With a tolerance the first value within it is taken."""
    known: dict[int, float] = {}
    assert quality_search.nearest(lambda q: q - 50.4, known, start=50, near=0.5) == 50
    assert list(known) == [50]
