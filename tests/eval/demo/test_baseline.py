from dataclasses import replace

import pytest

from config.policy import Effort
from eval.demo import baseline
from eval.demo.baseline import EFFORTS, Figures

BEFORE = Figures("a.png", "recode", 1000, psnr_db=34.5, ssim=0.95, orb=0.8, block_psnr_db=27.0)


@pytest.mark.slow  # optimizes all images of the demo with each effort
@pytest.mark.parametrize("effort", EFFORTS)
def test_no_image_costs_more_than_before(effort: Effort) -> None:
    """No change may cost bytes or fidelity; `make baselines` takes new figures that are meant."""
    assert list(baseline.worse(baseline.load(effort), baseline.measure(effort))) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (replace(BEFORE, stored=1004), []),
        (replace(BEFORE, stored=900, psnr_db=34.1), []),
        (replace(BEFORE, psnr_db=34.46), []),
        (replace(BEFORE, stored=1006), ["a.png: 1,006 bytes, 1,000 before"]),
        (replace(BEFORE, stored=995, psnr_db=34.4), ["a.png: psnr_db 34.4000, 34.5000 before"]),
        (replace(BEFORE, ssim=0.9, orb=0.7), ["a.png: ssim 0.9000, 0.9500 before",
                                               "a.png: orb 0.7000, 0.8000 before"]),
        (replace(BEFORE, image="b.png"), ["b.png: is missing in the baseline"]),
    ],
)  # fmt: skip
def test_losses_are_told_by_image(now: Figures, said: list[str]) -> None:
    """More bytes are named, and measures that fell beyond their slack for no fewer bytes."""
    assert list(baseline.worse([BEFORE], [now])) == said
