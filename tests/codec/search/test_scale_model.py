"""Predictions of what downscaled candidates need."""

import pytest

from codec.search import scale_model


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_ceiling_below_the_floor_holds_at_no_quality(scale: int) -> None:
    """What is lost without a codec cannot be made up for."""
    assert scale_model.predicted(50, 70, 70, scale) is None
    assert scale_model.predicted(50, 70, 65, scale) is None


def test_lower_ceilings_need_more() -> None:
    """The closer the ceiling is to the floor, the higher the quality, and the larger the file."""
    needs = [scale_model.predicted(50, 70, ceiling, 2) for ceiling in (95, 85, 78, 72)]
    found = [each for each in needs if each is not None]
    assert len(found) == 4
    assert found == sorted(found)
    assert all(each.quality > 50 for each in found)


def test_photographs_are_predicted() -> None:
    """A photograph whose restored half scores 85 needs about the quality and bytes measured."""
    needs = scale_model.predicted(57, 70, 85.1, 2)
    assert needs is not None
    assert needs.quality == pytest.approx(78, abs=5)
    assert needs.size == pytest.approx(282 / 333, rel=0.25)
