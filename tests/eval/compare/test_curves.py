"""Curves say what a codec needs for a score, and count uploads where it does not reach it."""

from dataclasses import replace

import pytest

from slimgate.eval.compare import curves
from slimgate.eval.compare.curves import SCORES
from slimgate.eval.compare.rows import Row, Study
from tests.eval import studies


def _row(image: str, strategy: str, *curve: tuple[int, float], kind: str = "a") -> Row:
    return Row(
        image, kind, strategy, 1000, 400, tier="recode", psnr_db=40.0, ssimulacra2=70.0, curve=curve
    )  # fmt: skip


def _study(*rows: Row) -> Study:
    return replace(studies.study(), rows=rows)


def _needed(*rows: Row) -> dict[float, int]:
    return dict(zip(SCORES, curves.curves(_study(*rows))[0].needed["avif-score"], strict=True))


def test_measured_points_are_on_the_curve() -> None:
    """At a measured score a codec needs the measured bytes, between two something between."""
    found = _needed(
        _row("x", "policy"), _row("x", "avif-score", (100, 40.0), (300, 70.0), (900, 90.0))
    )
    assert (found[40], found[70], found[90]) == (100, 300, 900)
    assert 300 < found[80] < 900


def test_larger_files_with_lower_scores_are_ignored() -> None:
    """A quality that is larger and worse than another does not count."""
    found = _needed(
        _row("x", "policy"),
        _row("x", "avif-score", (100, 40.0), (300, 70.0), (310, 65.0), (900, 90.0)),
    )
    assert found[65] < 300


def test_uploads_count_where_a_codec_does_not_reach_a_score() -> None:
    """Beyond the last point, and for images without points, the upload counts."""
    found = _needed(
        _row("x", "policy"), _row("y", "policy"), _row("x", "avif-score", (100, 40.0), (300, 70.0))
    )
    assert (found[70], found[72.5]) == (1300, 2000)


def test_only_lossy_images_count() -> None:
    """Images that come back identical are in no curve, and classes without others have none."""
    same = replace(_row("y", "policy", kind="b"), psnr_db=99.99, ssimulacra2=100.0)
    (found,) = curves.curves(
        _study(_row("x", "policy"), same, _row("x", "avif-score", (100, 40.0), (300, 70.0)))
    )
    assert (found.kind, found.images, found.uploaded, found.stored) == (None, 1, 1000, 400)
    assert found.score == 70.0
    assert found.share("avif-score", 70) == pytest.approx(0.3)


def test_classes_follow_all_images() -> None:
    """With several classes all images come first; without scores there are no curves."""
    kinds = [each.kind for each in curves.curves(studies.scored())]
    assert kinds == [None, *sorted(set(kinds) - {None}, key=str)]
    assert len(kinds) > 2
    assert curves.curves(studies.study()) == ()
