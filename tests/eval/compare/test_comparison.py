import dataclasses
from typing import Any

import pytest

from slimgate.codec.measures.psnr import PERFECT_PSNR_DB
from slimgate.eval.compare import comparison
from slimgate.eval.compare.intervals import WinRate
from slimgate.eval.compare.rows import Corpus, Row, Study


def _row(image: str, strategy: str, stored: int, psnr_db: float | None, **more: Any) -> Row:
    row = Row(image, "photos", strategy, 1000, stored, 10, 10, "JPEG", psnr_db=psnr_db, holds=True)
    return dataclasses.replace(row, **more)


def _study(*rows: Row) -> Study:
    corpus = Corpus("images", 3, 3, {"photos": 2, "charts": 1}, 3000)
    return Study(corpus, {}, {}, 1, {}, {}, "2026-01-01T00:00:00Z", rows=rows)


ROWS = (
    _row("a", "policy", 300, 34.0, tier="recode", put_cpu_s=1.0),
    _row("a", "avif-floor", 400, 35.0, tier="recode"),
    _row("b", "policy", 500, PERFECT_PSNR_DB, tier="exact", put_cpu_s=3.0),
    _row("b", "avif-floor", 450, None, problem="broke"),
    _row("c", "policy", 100, 36.0, kind="charts", tier="recode", holds=False),
    _row("c", "avif-floor", 100, 36.0, kind="charts", tier="recode"),
)


def test_all_and_by_class() -> None:
    """Every strategy stands once for all images, and once for each class that has it."""
    found = [(each.kind, each.strategy, each.images) for each in comparison.compare(_study(*ROWS))]
    expected = [
        (None, "policy", 3), (None, "avif-floor", 2),
        ("charts", "policy", 1), ("charts", "avif-floor", 1),
        ("photos", "policy", 2), ("photos", "avif-floor", 1),
    ]  # fmt: skip
    assert found == expected


def test_one_class_is_all() -> None:
    """Where all images are of one class, that is not told twice."""
    assert [each.kind for each in comparison.compare(_study(*ROWS[:3]))] == [None, None]


def test_sums() -> None:
    """Bytes are added up, tiers and what is below the floor are counted."""
    policy = comparison.compare(_study(*ROWS))[0]
    assert (policy.uploaded, policy.stored, policy.below, policy.identical) == (3000, 900, 1, 1)
    assert policy.tiers == {"recode": 2, "exact": 1}
    assert policy.saved.value == 0.7
    assert policy.saved.low < 0.7 < policy.saved.high


def test_means() -> None:
    """Fidelity is averaged over images that are not identical, time over all."""
    policy = comparison.compare(_study(*ROWS))[0]
    assert (
        policy.means["psnr_db"].value,
        policy.means["put_cpu_s"].value,
        policy.worst,
    ) == (35.0, 2.0, 34.0)
    assert "ssim" not in policy.means


def test_policy_against_others() -> None:
    """The policy is compared on the images that both could store, ties counted apart."""
    policy, avif, *_ = comparison.compare(_study(*ROWS))
    assert avif.fewer_bytes == WinRate(1, 1, 0)
    assert avif.finer == WinRate(0, 1, 1)
    assert policy.fewer_bytes == WinRate(0, 3, 0)


def test_equal_seeds() -> None:
    """Equal studies yield equal figures."""
    assert comparison.compare(_study(*ROWS)) == comparison.compare(_study(*ROWS))


def test_nothing_measured() -> None:
    """Where nothing could be measured, nothing stands."""
    broken = _row("a", "policy", 1000, None, problem="no image", kind="")
    assert comparison.compare(_study(broken)) == ()


def test_empty_upload() -> None:
    """An image of no bytes cannot have been measured."""
    with pytest.raises(ValueError, match="an empty upload was measured"):
        comparison.compare(_study(_row("a", "policy", 0, 34.0, uploaded=0)))
