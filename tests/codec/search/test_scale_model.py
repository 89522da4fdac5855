"""Predictions of what downscaled candidates need."""

import pytest

from slimgate.codec.search import scale_model


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


@pytest.mark.parametrize(
    ("full", "score", "ceiling", "quality", "size"),
    [(46, 75, 84.6, 73, 0.85), (51, 75, 81.4, 84, 1.01), (61, 75, 83.1, 88, 0.85)],
)
def test_photographs_are_predicted(
    full: float, score: float, ceiling: float, quality: float, size: float
) -> None:
    """The halves of three photographs need about the quality and bytes measured."""
    needs = scale_model.predicted(full, score, ceiling, 2)
    assert needs is not None
    assert needs.quality == pytest.approx(quality, abs=3)
    assert needs.size == pytest.approx(size, rel=0.15)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_codec_must_keep_more_than_the_floor(scale: int) -> None:
    """A small image is coded the finer the closer its ceiling is; at a floor out of reach, best."""
    kept = [scale_model.score_left(70, ceiling, scale) for ceiling in (95, 85, 75)]
    assert 70 < kept[0] < kept[1] < kept[2] < 100
    assert scale_model.score_left(70, 65, scale) == 100
