"""Tests of how much better samples score than their images."""

import pytest

from slimgate.codec.search.quality_model import Activity
from slimgate.codec.search.sample_model import Ease

_BUSY, _CALM = Activity(3.0, 0.2), Activity(2.0, 0.6)


def test_an_image_is_as_easy_as_itself() -> None:
    """Where the sample is the whole image, nothing is taken off."""
    assert Ease.of(_CALM, _CALM, 1) == Ease()


def test_small_samples_score_better() -> None:
    """The less a sample shows, the better it scores, its worst region most of all."""
    eases = [Ease.of(_CALM, _CALM, share) for share in (0.5, 0.2, 0.05)]
    assert [each.score_db for each in eases] == sorted(each.score_db for each in eases)
    assert all(each.worst_db > each.score_db > 0 for each in eases)
    assert all(each.worst_db < 2 for each in eases)


def test_calm_samples_of_busy_images_keep_more() -> None:
    """A sample with less detail than its image has a higher PSNR, by what activity predicts."""
    even, calm = Ease.of(_BUSY, _BUSY, 0.3), Ease.of(_CALM, _BUSY, 0.3)
    assert calm.psnr_db - even.psnr_db == pytest.approx(_CALM.psnr_db - _BUSY.psnr_db)
