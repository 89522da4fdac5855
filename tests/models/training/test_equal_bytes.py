"""Tests of measures at equal bytes."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from slimgate.models.training import equal_bytes  # noqa: E402
from slimgate.models.training.downscaling import Downscaler  # noqa: E402
from slimgate.models.training.equal_bytes import QUALITIES, Curve  # noqa: E402
from slimgate.models.training.network import PlainStack  # noqa: E402
from slimgate.models.training.pairs import Small, Source  # noqa: E402
from slimgate.models.training.renditions import shrink  # noqa: E402
from tests.models.training.samples import picture  # noqa: E402

pytestmark = pytest.mark.torch


def _curve(*, fewer: float = 1.0, better: float = 0.0) -> Curve:
    """Return a curve whose measures are straight over the logarithm of bytes."""
    sizes = np.linspace(7.0, 10.0, len(QUALITIES))
    rows = [(size / 10, 10 * size + better, 5 * size, 0.9, 0.8) for size in sizes]
    return Curve(tuple(sizes + math.log(fewer)), tuple(rows))


def test_scores_are_compared_where_bytes_are_equal() -> None:
    """Files of a tenth fewer bytes and equal measures are better by what a tenth buys."""
    start = [_curve(), _curve(better=5)]
    before = equal_bytes.fidelity(start, start)
    assert before.score == pytest.approx(85 + 2.5)
    assert before.scores == pytest.approx((85, 90))
    now = [_curve(fewer=0.9), _curve(fewer=0.9, better=5)]
    after = equal_bytes.fidelity(now, start)
    bought = -math.log(0.9)
    assert after.score - before.score == pytest.approx(10 * bought)
    assert after.gain_db - before.gain_db == pytest.approx(bought / 10)
    assert (after.ms_ssim, after.orb) == pytest.approx((0.9, 0.8))
    assert equal_bytes.bytes_change(now, start) == pytest.approx(-0.1)


def test_better_scores_save_bytes() -> None:
    """At equal bytes and a score that is higher by 1, equal scores take a tenth less."""
    start, now = [_curve()], [_curve(better=1)]
    assert equal_bytes.fidelity(now, start).score == pytest.approx(86)
    assert equal_bytes.bytes_change(now, start) == pytest.approx(math.exp(-0.1) - 1)


def test_images_are_coded_and_restored_at_all_qualities() -> None:
    """Bytes, PSNR and score rise with quality; a downscaler at its start is Lanczos' filter."""
    full = picture(96, seed=2)
    source = Source("a", full, (Small(shrink(full, 2), 0, "lossless"),))
    torch.manual_seed(1)
    restorer = PlainStack(2, width=4, depth=1)
    plain, changed = (Downscaler(2, width=4, depth=1) for _ in range(2))
    with torch.no_grad():
        changed.stack.last.bias.fill_(2 / 256)
    cpu = torch.device("cpu")
    (curve,) = equal_bytes.curves(plain, restorer, [source], cpu)
    assert list(curve.sizes) == sorted(curve.sizes)
    assert curve.rows[0][:2] < curve.rows[-1][:2]
    assert math.exp(curve.sizes[-1]) < full.size
    (other,) = equal_bytes.curves(changed, restorer, [source], cpu)
    assert other.rows[-1][0] < curve.rows[-1][0]  # brighter, and so further from the original
    assert equal_bytes.parsed([(curve.sizes, curve.rows)]) == [curve]
