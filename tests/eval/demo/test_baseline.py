from dataclasses import replace

import pytest

from slimgate.config.policy import Effort
from slimgate.eval.demo import baseline
from slimgate.eval.demo.baseline import EFFORTS, Figures

BEFORE = Figures("a.png", "recode", 1000, ssimulacra2=70.5, ssimulacra2_worst=60.0, orb=0.8)


@pytest.mark.slow  # optimizes all images of the demo with each effort
@pytest.mark.parametrize("effort", EFFORTS)
def test_no_image_costs_more_than_before(effort: Effort) -> None:
    """No change may cost bytes or fidelity; `make baselines` takes new figures that are meant."""
    assert list(baseline.worse(baseline.load(effort), baseline.measure(effort))) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (replace(BEFORE, stored=1004), []),
        (replace(BEFORE, stored=900, ssimulacra2=70.1), []),
        (replace(BEFORE, ssimulacra2=70.46), []),
        (replace(BEFORE, stored=1006), ["a.png: 1,006 bytes, 1,000 before"]),
        (replace(BEFORE, stored=995, ssimulacra2=70.3),
         ["a.png: ssimulacra2 70.3000, 70.5000 before"]),
        (replace(BEFORE, ssimulacra2_worst=55.0, orb=0.7),
         ["a.png: ssimulacra2_worst 55.0000, 60.0000 before", "a.png: orb 0.7000, 0.8000 before"]),
        (replace(BEFORE, image="b.png"), ["b.png: is missing in the baseline"]),
    ],
)  # fmt: skip
def test_losses_are_told_by_image(now: Figures, said: list[str]) -> None:
    """More bytes are named, and measures that fell beyond their slack for no fewer bytes."""
    assert list(baseline.worse([BEFORE], [now])) == said
