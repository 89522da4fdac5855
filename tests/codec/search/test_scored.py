"""Searches for the smallest rendition that holds a floor of SSIMULACRA2."""

from typing import Any

import pytest

from slimgate import models
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import floors, ssimulacra2
from slimgate.codec.measures.ssimulacra2 import Reference
from slimgate.codec.optimize import optimize
from slimgate.codec.restore.restore import restore
from slimgate.codec.search import memory_needs
from slimgate.codec.search.effort import Work
from slimgate.config.floor import PRESETS, Floor
from tests.codec.pictures import crop, opened, optimize_options, photo, save

_SCORED: dict[str, Any] = {"psnr_db": None, "ssim": None, "ssimulacra2": 70}
_UPLOADS: list[tuple[Pixels, str]] = [
    (photo("astronaut.png"), "JPEG"),
    (photo("coffee.png")[:300, :400], "PNG"),
    (photo("camera.png", "L"), "JPEG"),
    (crop("RGBA", 240, 200), "PNG"),
    (crop("RGB", 96, 80), "WEBP"),
]


@pytest.mark.parametrize(("pixels", "format_"), _UPLOADS)
@pytest.mark.parametrize("effort", ["fast", "balanced"])
def test_scores_are_held(pixels: Pixels, format_: str, effort: str) -> None:
    """What GET serves has the score, and the one of its worst region, that the manifest tells."""
    data = save(pixels, format_, quality=97)
    asked = optimize_options(floor={**_SCORED, "ssimulacra2_worst": 50}, effort=effort)
    made = optimize(data, asked, models.restorer)
    served = restore(made.rendition, made.manifest, models.restorer)
    whole, worst = Reference(opened(data)).compare(opened(served))
    measured = made.manifest.measured
    assert whole >= (measured.ssimulacra2 or 0) >= 70
    assert worst >= (measured.ssimulacra2_worst or 0) >= 50
    assert whole == pytest.approx(measured.ssimulacra2, abs=0.02)


@pytest.mark.parametrize(("pixels", "format_"), _UPLOADS[:3])
def test_the_score_is_met_in_few_trials(pixels: Pixels, format_: str) -> None:
    """The winner is little better than it needs to be, after at most three whole encodings."""
    made = optimize(
        save(pixels, format_, quality=97), optimize_options(floor=_SCORED), models.restorer
    )
    ways: dict[object, int] = {}
    for trial in made.trials:
        ways[trial.candidate] = ways.get(trial.candidate, 0) + (not trial.sampled)
    assert max(ways.values()) <= 3
    assert (made.manifest.measured.ssimulacra2 or 0) < 74


def test_the_worst_region_can_ask_for_most() -> None:
    """A floor of the worst region alone is searched for like any other."""
    floor = {**_SCORED, "ssimulacra2": 20, "ssimulacra2_worst": 75}
    data = save(photo("astronaut.png")[:300, :300], "PNG")
    measured = optimize(data, optimize_options(floor=floor), models.restorer).manifest.measured
    assert 75 <= (measured.ssimulacra2_worst or 0) < 80


def test_floors_without_a_score_measure_none() -> None:
    """A floor of other measures costs no comparison by SSIMULACRA2; its manifests have no score."""
    asked = optimize_options(fidelity=None)
    made = optimize(save(crop("RGB", 200, 160), "PNG"), asked, models.restorer)
    assert made.manifest.measured.scores == {}
    assert {trial.reading.ssimulacra2 for trial in made.trials} == {None}


@pytest.mark.parametrize("fidelity", PRESETS)
def test_stricter_presets_keep_more(fidelity: str) -> None:
    """Each preset holds what it promises; nothing that is stored with loss is below."""
    data = save(photo("coffee.png")[:200, :240], "PNG")
    made = optimize(data, optimize_options(fidelity=fidelity), models.restorer)
    served = opened(restore(made.rendition, made.manifest, models.restorer))
    whole, worst = Reference(opened(data)).compare(served)
    floor = PRESETS[fidelity]  # type: ignore[index]
    assert whole >= (floor.ssimulacra2 or 0)
    assert worst >= (floor.ssimulacra2_worst or 0)


def test_comparisons_are_charged() -> None:
    """Comparing by SSIMULACRA2 counts as work."""
    work = Work(1.0)
    work.score(1_000_000, 1)
    assert 0.05 < work.done_s < 0.2


@pytest.mark.parametrize("codec", ["avif", "webp"])
def test_comparisons_need_memory(codec: Any) -> None:
    """Memory for comparisons grows with the image only as far as the upload's side is kept."""
    for megapixels in (1, 4, 12, 50, 200):
        pixels = megapixels * 1_000_000
        plain = memory_needs.least_to_try(pixels)
        extra = memory_needs.least_to_try(pixels, scores=1) - plain
        assert 0 < extra <= 600_000_000
        need = memory_needs.to_try(pixels, codec, "4:2:0", 1, scores=1)
        assert plain <= memory_needs.to_try(pixels, codec, "4:2:0", 1) <= need <= plain * 4 + extra
    assert ssimulacra2.KEPT_PIXELS < 50_000_000


def test_alpha_is_compared_twice() -> None:
    """Before two backgrounds, an image with alpha takes twice the work, and keeps twice as much."""
    demanded = [
        floors.comparisons(floor, mode)
        for floor, mode in ((Floor(), "RGBA"), (PRESETS["high"], "L"), (PRESETS["high"], "RGBA"))
    ]
    assert demanded == [0, 1, 2]
    needs = [memory_needs.least_to_try(1_000_000, scores=scores) for scores in demanded]
    assert needs[2] - needs[1] == 28_000_000


@pytest.mark.parametrize(
    ("side", "floor", "expected"),
    [
        (240, {"ssimulacra2": 70}, {"ssimulacra2", "psnr"}),
        (160, {"ssimulacra2": 70}, {"ssim", "psnr"}),
        (240, {}, {"ssim", "psnr"}),
    ],
)
def test_large_images_are_tuned_for_the_score(
    side: int, floor: dict[str, float], expected: set[str]
) -> None:
    """Renditions of small images, and those under other floors, are tuned as before."""
    data = save(photo("astronaut.png")[:side, :side], "PNG")
    options = optimize_options(floor=floor, tiers=["recode"], codecs=["avif"])
    made = optimize(data, options, models.restorer)
    assert {trial.candidate.tune for trial in made.trials} <= expected
    assert made.trials[0].candidate.tune in expected - {"psnr"} or not floor
