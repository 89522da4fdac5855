"""Downscaled candidates where SSIMULACRA2 leads: tried where they may win, and affordable."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from slimgate import models
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import floors
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.reading import Reading
from slimgate.codec.optimize import Optimized, optimize
from slimgate.codec.search.allowed_steps import AllowedSteps
from slimgate.codec.search.bracket import QualityBracket
from slimgate.codec.search.engine_costs import EngineCosts
from slimgate.codec.search.omissions import Omission
from slimgate.codec.search.presets import preset_of
from slimgate.codec.search.verdicts import Verdict
from slimgate.config.floor import PRESETS, Fidelity, Floor
from slimgate.config.policy import Effort
from tests.codec.pictures import noise, optimize_options, photo, save


def _soft() -> bytes:
    """Make a photograph with less detail than pixels, as cameras do."""
    small = photo("astronaut.png")
    return save(np.asarray(cv2.resize(small, None, fx=2.5, fy=2.5)), "JPEG", quality=95)


def _optimized(data: bytes, speed: models.Speed = "int8", **changes: Any) -> Optimized:
    costs = EngineCosts(speed, models.costs("native", speed))
    options = replace(optimize_options(**changes), steps=AllowedSteps(engine=costs))
    return optimize(data, options, models.restorer)


def _scales(made: Optimized) -> set[int]:
    return {trial.candidate.scale for trial in made.trials}


@pytest.mark.parametrize("effort", ["fast", "balanced"])
def test_shrinking_wins_where_an_image_has_less_detail_than_pixels(effort: str) -> None:
    """Images above 2 megapixels or not, whatever the bits per pixel, at each effort."""
    made = _optimized(_soft(), speed="gpu", fidelity="economy", effort=effort)
    assert made.manifest.stored.tier == "downscale"
    assert (made.manifest.measured.ssimulacra2 or 0) >= 55


def test_a_slow_engine_is_not_asked() -> None:
    """Balanced spends nothing on networks where they are slow, and says so."""
    made = _optimized(_soft(), speed="plain", fidelity="economy")
    assert _scales(made) == {1}
    (why,) = (each for each in made.omitted if each.what == "downscale")
    assert why.why is Omission.ENGINE
    assert "this engine (plain)" in str(why)


def test_a_slow_engine_is_asked_where_nothing_else_may_be_stored() -> None:
    """A policy of downscaling alone downscales on every machine."""
    made = _optimized(_soft(), speed="plain", fidelity="economy", tiers=["downscale"])
    assert made.manifest.stored.tier == "downscale"


def test_fast_leaves_out_what_costs_too_much() -> None:
    """Where networks take time, fast tries only scales whose networks are small."""
    made = _optimized(_soft(), speed="int8", fidelity="economy", effort="fast")
    assert 2 not in _scales(made)


def test_what_cannot_win_is_not_encoded() -> None:
    """Noise that only full size can hold needs no trial of a scale."""
    made = _optimized(save(noise(480, 480, 3), "PNG"), fidelity="economy")
    encoded = [trial for trial in made.trials if trial.candidate.scale > 1 and trial.size]
    assert encoded == []


@pytest.mark.parametrize("fidelity", ["standard", "economy"])
def test_a_stronger_effort_includes_what_a_weaker_one_tries(fidelity: str) -> None:
    """Scales that fast tries are among those of balanced."""
    fast, balanced = (
        _optimized(_soft(), fidelity=fidelity, effort=effort) for effort in ("fast", "balanced")
    )
    assert _scales(fast) <= _scales(balanced)
    assert len(balanced.rendition) <= len(fast.rendition)


def test_a_score_that_hardly_moves_is_given_up() -> None:
    """Two qualities, well apart, that fail by almost the same margin end a candidate."""
    bracket = QualityBracket()
    bracket.note(50, Verdict.BELOW_FLOOR, {"ssimulacra2": -2.0})
    assert not bracket.is_stuck
    bracket.note(70, Verdict.BELOW_FLOOR, {"ssimulacra2": -1.9})
    assert bracket.is_stuck


def test_a_score_that_moves_is_not() -> None:
    """Curves of photographs are no reason to give up."""
    bracket = QualityBracket()
    bracket.note(50, Verdict.BELOW_FLOOR, {"ssimulacra2": -2.0})
    bracket.note(60, Verdict.BELOW_FLOOR, {"ssimulacra2": -0.9})
    assert not bracket.is_stuck


def _faint_texture() -> Pixels:
    """Make noise whose corners are just strong enough to be found."""
    rng = np.random.default_rng(3)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (320, 320)), (0, 0), 1.0)
    return np.asarray(np.clip(128 + grain * 9 / grain.std(), 0, 255), np.uint8)


def test_unstable_key_points_do_not_count() -> None:
    """Key points that an invisible change destroys say nothing; SSIMULACRA2 does."""
    texture = Prepared(_faint_texture())
    assert texture.key_points.threshold == 20
    assert texture.key_points.are_enough
    standard, lost = PRESETS["standard"], Reading(orb=0.3, ssimulacra2=72)
    assert floors.without_unstable_orb(standard, texture, lost).orb is None
    assert floors.without_unstable_orb(Floor(), texture, lost) == Floor()


def test_stable_key_points_count() -> None:
    """Photographs keep the bound on key points, and so do images whose points are faint."""
    standard, lost = PRESETS["standard"], Reading(orb=0.3, ssimulacra2=72)
    for pixels in (photo("astronaut.png"), photo("camera.png", "L")):
        assert floors.without_unstable_orb(standard, Prepared(pixels), lost) == standard


@pytest.mark.parametrize(
    ("effort", "fidelity", "shrinks"),
    [
        ("fast", "standard", False),
        ("balanced", "high", False),
        ("balanced", "economy", True),
        ("best", "standard", True),
    ],
)
def test_large_images_are_shrunk_where_that_gains_most(
    effort: Effort, fidelity: Fidelity, shrinks: bool
) -> None:
    """High scores leave little to gain, and networks take longer than all else; best tries all."""
    preset = preset_of(effort, PRESETS[fidelity])
    assert (preset.enlarged > 12e6) is shrinks
    assert preset.enlarged > 4e6
