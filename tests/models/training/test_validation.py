"""Tests of validation on whole images, and of its guards."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from torch import Tensor, nn  # noqa: E402

from slimgate.codec.measures.orb import orb  # noqa: E402
from slimgate.codec.measures.ssimulacra2 import Reference  # noqa: E402
from slimgate.codec.measures.structure import compare  # noqa: E402
from slimgate.models.training import validation  # noqa: E402
from slimgate.models.training.measures import gain_by_label  # noqa: E402
from slimgate.models.training.pairs import Small, Source  # noqa: E402
from slimgate.models.training.validation import Fidelity  # noqa: E402
from tests.models.training.samples import picture  # noqa: E402

pytestmark = pytest.mark.torch

_CPU = torch.device("cpu")
_START = Fidelity(gain_db=1.0, score=60.0, worst=40.0, ms_ssim=0.98, orb=0.7)


class _Constant(nn.Module):  # type: ignore[misc, unused-ignore]  # torch may be missing
    """A network with a constant residual."""

    scale, reach = 1, 0

    def __init__(self, value: float) -> None:
        super().__init__()
        self._value = value

    def forward(self, small: Tensor) -> Tensor:
        """Return it at the size of the small image."""
        return torch.full_like(small[:, :3], self._value)


class _Blur(nn.Module):  # type: ignore[misc, unused-ignore]  # torch may be missing
    """A network that blurs, and darkens what lies beside zeros."""

    scale, reach = 1, 1

    def forward(self, small: Tensor) -> Tensor:
        """Return the difference to the mean of 3x3 pixels."""
        pixels = small[:, :3]
        return nn.functional.avg_pool2d(pixels, 3, stride=1, padding=1) - pixels


def _source(side: int = 200) -> Source:
    full = picture(side, seed=3)
    noise = np.random.default_rng(0).integers(-9, 9, full.shape)
    noisy = np.clip(full.astype(np.int64) + noise, 0, 255).astype(np.uint8)
    return Source("a", full, (Small(noisy, 0, "one"), Small(full, 0, "two")))


def test_measures_are_those_of_the_pixels_that_are_served() -> None:
    """A network that changes nothing has the means of its inputs' measures."""
    source = _source()
    actual = validation.fidelity(_Constant(0.0), [source], _CPU)
    scores = [Reference(source.original).compare(small.pixels) for small in source.smalls]
    pairs = [(source.original, small.pixels) for small in source.smalls]
    expected = Fidelity(
        gain_db=0.0,
        score=float(np.mean([each.whole for each in scores])),
        worst=float(np.mean([each.worst for each in scores])),
        ms_ssim=float(np.mean([compare(*pair).ms_ssim for pair in pairs])),
        orb=float(np.mean([orb(*pair) for pair in pairs])),
    )
    assert actual.means() == pytest.approx(expected.means())
    assert actual.scores == pytest.approx((expected.score,))


def test_beyond_an_image_its_edge_is_repeated() -> None:
    """A network that is perfect but beside zeros is perfect, as engines run it."""
    gray = np.full((60, 70, 3), 90, np.uint8)
    source = Source("a", gray, (Small(gray, 0, "one"),))
    actual = validation.fidelity(_Blur(), [source], _CPU)
    assert (actual.gain_db, actual.score, actual.worst) == (0.0, 100.0, 100.0)
    assert gain_by_label(_Blur(), [source], _CPU) == {"one": [0.0]}


def test_gains_are_those_of_fidelity_runs() -> None:
    """PSNR is measured as where nothing else is."""
    network, source = _Constant(0.02), _source(60)
    gains = gain_by_label(network, [source], _CPU)
    expected = np.mean([gain for values in gains.values() for gain in values])
    assert validation.fidelity(network, [source], _CPU).gain_db == pytest.approx(expected)


def test_small_images_have_no_ms_ssim() -> None:
    """Images without five scales count as alike."""
    assert validation.fidelity(_Constant(0.05), [_source(60)], _CPU).ms_ssim == 1.0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"score": 70.0, "gain_db": 0.86}, []),
        ({"score": 70.0, "gain_db": 0.84}, ["gain_db"]),
        ({"worst": 39.9}, ["worst"]),
        ({"ms_ssim": 0.9795}, ["ms_ssim"]),
        ({"orb": 0.69, "worst": float("nan")}, ["worst", "orb"]),
    ],
)
def test_guards_break_where_other_measures_fall(
    change: dict[str, Any], expected: list[str]
) -> None:
    """PSNR may fall by 0.15 dB and the others by their noise, however high the score."""
    assert validation.broken(replace(_START, **change), _START) == expected


def test_changes_are_since_the_start() -> None:
    """Every measure has its change, and survives being stored."""
    now = validation.parsed(asdict(replace(_START, score=61.5)))
    changes = validation.changes(now, _START)
    assert set(changes) == {f"{name}_change" for name in _START.means()}
    assert {name for name, change in changes.items() if change} == {"score_change"}
    assert changes["score_change"] == 1.5


def test_changes_have_the_error_of_chance() -> None:
    """The standard error is of the differences of images, not of their scores."""
    start = replace(_START, scores=(10.0, 50.0, 90.0))
    now = validation.parsed(asdict(replace(_START, scores=(11.0, 52.0, 93.0))))
    assert validation.changes(now, start)["score_change_error"] == pytest.approx(1 / 3**0.5)
    assert "score_change_error" not in validation.changes(now, _START)
