"""Tests of comparing ways of storing at equal bytes."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.models.training.evaluation.curves import Curve, compare, curve, means
from slimgate.models.training.evaluation.plan import Coding, Point


def _line(slope: float, offset: float, low: float = 0.125, high: float = 8.0) -> Curve:
    """Make a curve that is straight over the logarithm of bits, base 2."""
    bits = [low * (high / low) ** (step / 10) for step in range(11)]
    return Curve(tuple(bits), tuple(offset + slope * math.log2(each) for each in bits))


def _point(bits: float, psnr: float, *, quality: int = 50, chroma: str = "4:4:4") -> Point:
    return Point(Coding("avif", chroma, quality, 1), "none", bits, psnr, psnr / 100)


def test_lines_cross_where_they_do() -> None:
    """The flatter line wins below the crossing and loses above it, by what lies between them."""
    won, lost = compare(_line(2, 31), _line(3, 30))
    assert lost.low == won.high == pytest.approx(2, rel=1e-3)
    assert [won.low, lost.high] == pytest.approx([0.125, 8])
    assert [
        won.low_value,
        won.high_value,
        lost.high_value,
    ] == pytest.approx([30 - 9, 33, 39], rel=1e-3)
    assert [won.gain, lost.gain] == pytest.approx([2, -1], abs=0.02)


def test_curves_are_compared_only_where_both_were_measured() -> None:
    """Ranges without measurements of one curve are neither won nor lost."""
    (only,) = compare(_line(2, 31, 0.5, 4), _line(2, 30, 0.125, 1))
    assert [only.low, only.high, only.gain] == pytest.approx([0.5, 1, 1])
    assert compare(_line(2, 31, 2, 4), _line(2, 30, 0.125, 1)) == []
    assert compare(Curve((), ()), _line(2, 30)) == []


_CURVES = st.builds(
    lambda bits, values: Curve(tuple(sorted(bits)), tuple(sorted(values))),
    st.sets(st.floats(0.01, 20), min_size=5, max_size=5),
    st.sets(st.floats(10, 60), min_size=5, max_size=5),
)


@given(one=_CURVES, other=_CURVES)
def test_ranges_follow_each_other(one: Curve, other: Curve) -> None:
    """Ranges cover what both curves have in common without a gap, won and lost in turn."""
    low, high = max(one.bits[0], other.bits[0]), min(one.bits[-1], other.bits[-1])
    ranges = compare(one, other)
    assert (low < high) == bool(ranges)
    if ranges:
        assert (ranges[0].low, ranges[-1].high) == pytest.approx((low, high))
    for before, after in itertools.pairwise(ranges):
        assert before.high == after.low
        assert (before.gain >= 0) != (after.gain >= 0)


def test_what_costs_more_and_gives_less_is_left_out() -> None:
    """Of both chroma formats, a curve takes the better one at each point."""
    points = [
        _point(1, 30, quality=40),
        _point(2, 29, quality=60),
        _point(2, 33, quality=60, chroma="4:2:0"),
        _point(3, 32, quality=80, chroma="4:2:0"),
        _point(4, 40, quality=80),
        Point(Coding("avif", "4:4:4", 50, 2), "none", 0.5, 39, 0.9),
    ]
    front = curve(points, codec="avif", scale=1, restorer="none", measure="psnr_db")
    assert front == Curve((1, 2, 4), (30, 33, 40))
    assert front.at(math.sqrt(2)) == pytest.approx(31.5)


def test_means_are_of_images_point_by_point() -> None:
    """Points of one coding are averaged over images, those of different codings are not mixed."""
    images = [
        [_point(1, 30), _point(2, 32, quality=60)],
        [_point(3, 34), _point(4, 36, quality=60)],
    ]
    assert [
        Point(mean.coding, mean.restorer, mean.bits, mean.psnr_db, round(mean.ssim, 9))
        for mean in means(images)
    ] == [_point(2, 32), _point(3, 34, quality=60)]
