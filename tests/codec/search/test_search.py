"""Tests of the competition for the smallest rendition that holds the floor."""

import itertools
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from slimgate import models
from slimgate.codec.containers import DoesNotFit, parse
from slimgate.codec.encoders import EncoderSettings, by_name
from slimgate.codec.image import resample
from slimgate.codec.image.pixels import Pixels, decode_as
from slimgate.codec.measures import floors, ssim
from slimgate.codec.measures.block import block_psnr
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.psnr import psnr
from slimgate.codec.restore import output
from slimgate.codec.restore.restore import pixels_of
from slimgate.codec.search import search, trials
from slimgate.codec.search.bracket import HIGHEST, LOWEST
from slimgate.codec.search.effort import Work
from slimgate.codec.search.sample_trials import SampleTrials
from slimgate.codec.search.shortlist import Finalist
from slimgate.codec.search.state import REFUSED, Candidate, SearchState, SourceImage
from slimgate.config import Floor
from tests.codec.pictures import FOREVER, LANCZOS, crop, noise, photo, policy, save

_SCALES = (2, 3, 4)
_EFFORTS = ("fast", "balanced", "best")


def _source(pixels: Pixels, format_: str = "JPEG", **parameters: Any) -> SourceImage:
    parameters = parameters or {"quality": 97, "subsampling": "4:4:4"}
    data = save(pixels, format_, **parameters)
    upload = parse(data)
    return SourceImage(
        pixels=decode_as(upload, data),
        upload=upload,
        size=len(data),
        payload=b"",
        orientation=1,
        max_stored=len(data),
    )


def _find_rendition(
    source: SourceImage, work_s: float = FOREVER, *, clean: str | None = None, **changes: Any
) -> SearchState:
    restorers = dict.fromkeys(_SCALES, LANCZOS)
    return search.find_rendition(
        source,
        policy(**changes),
        restorers={**restorers, 1: clean} if clean else restorers,
        upscalers=models.restorer,
        work=Work(work_s),
    )


def _sizes_that_hold(source: SourceImage, floor: Floor, candidate: Candidate) -> dict[int, int]:
    """Try every quality there is: the bytes of each that holds."""
    small = resample.shrunk(source.pixels, candidate.scale)
    size = (source.upload.width, source.upload.height)
    found = {}
    for quality in range(LOWEST, HIGHEST + 1):
        settings = EncoderSettings(
            quality=quality, subsampling=candidate.subsampling, speed=8, tune=candidate.tune
        )
        rendition = by_name(candidate.codec).encode(small, settings)
        pixels = pixels_of(
            rendition,
            candidate.stored(quality),
            mode=source.upload.mode,
            size=size,
            upscalers=models.restorer,
        )
        try:
            served = output.fit(pixels, source.upload, source.size)[1]
        except DoesNotFit:
            continue
        shown = decode_as(source.upload, served)
        if floors.holds(floor, floors.read(floor, Prepared(source.pixels), shown)):
            found[quality] = len(rendition)
    return found


_CONTESTS: list[tuple[str, dict[str, Any]]] = [
    ("RGB", {"tiers": ["recode"], "floor": {"psnr_db": 34}}),
    ("L", {"tiers": ["recode"], "floor": {"psnr_db": None, "ssim": 0.95}}),
    ("RGB", {"tiers": ["downscale"], "scales": [2], "floor": {"psnr_db": 22.5, "ssim": None}}),
]


@pytest.mark.parametrize(("mode", "changes"), _CONTESTS)
def test_the_lowest_quality_that_holds_is_found(mode: str, changes: dict[str, Any]) -> None:
    """The winner is within a few steps of quality of what an exhaustive search finds."""
    source = _source(crop(mode, 64, 48))
    state = _find_rendition(source, **changes)
    assert state.best is not None
    winner = [trial for trial in state.trials if trial.verdict == "holds"][-1].candidate
    exhaustive = _sizes_that_hold(source, policy(**changes).floor, winner)
    assert len(state.best.rendition) == exhaustive[state.best.stored.quality]
    within = [size for quality, size in exhaustive.items() if quality <= min(exhaustive) + 6]
    assert min(exhaustive.values()) <= len(state.best.rendition) <= max(within)


def test_more_effort_finds_smaller_renditions() -> None:
    """The best effort finds nothing larger than the others, with more trials."""
    source = _source(crop("RGB", 96, 80), "PNG")
    states = [_find_rendition(source, effort=effort) for effort in _EFFORTS]
    sizes = [len(state.best.rendition) for state in states if state.best]
    assert [min(sizes)] == sizes[2:]
    assert len(states[0].trials) < len(states[2].trials)


@pytest.mark.parametrize("floor", [{"psnr_db": 34}, {"psnr_db": None, "ssimulacra2": 70}])
@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_the_best_effort_tries_what_the_balanced_one_tries(
    floor: dict[str, float | None], format_: str
) -> None:
    """The trials of the balanced effort come first, so that the best one never stores more."""
    source = _source(photo("coffee.png")[:240, :320], format_)
    tried = [
        [
            (each.candidate, each.quality, each.size)
            for each in _find_rendition(source, tiers=["recode"], floor=floor, effort=effort).trials
        ]
        for effort in ("balanced", "best")
    ]
    assert tried[1][: len(tried[0])] == tried[0]
    assert len(tried[1]) > len(tried[0])


def test_the_winner_holds_and_is_the_smallest_that_did() -> None:
    """The winner's served file has the size of the upload and holds; no trial that held is less."""
    source = _source(crop("RGB", 96, 80))
    state = _find_rendition(source, floor={"psnr_db": 25, "ssim": 0.7}, effort="best")
    best = state.best
    assert best is not None
    held = [t.size for t in state.trials if t.verdict == "holds" and not t.sampled]
    assert sorted(held, reverse=True) == held
    assert held[-1] == len(best.rendition) <= source.max_stored
    assert source.size == len(best.served)
    served = decode_as(source.upload, best.served)
    measured = psnr(source.pixels, served), ssim.exact(source.pixels, served)
    assert pytest.approx(measured, abs=2 * ssim.QUICK_ERROR) == (
        best.reading.psnr_db, best.reading.ssim
    )  # fmt: skip
    assert psnr(source.pixels, served) >= 25
    assert ssim.exact(source.pixels, served) >= 0.7


def _candidates(source: SourceImage, *, kind: str = "photo", **changes: Any) -> list[Candidate]:
    asked = policy(**changes)
    state = SearchState(source, asked.floor, models.restorer, Work(FOREVER), kind)  # type: ignore[arg-type]  # a literal in a test
    restorers = {1: "1" * 16, **dict.fromkeys(_SCALES, LANCZOS)}
    return list(search.candidates(asked, state, restorers, tune="psnr"))


@pytest.mark.parametrize(
    ("changes", "subsampling", "expected"),
    [
        ({}, "4:4:4", [(1, "4:4:4"), *[(1, "4:2:0")] * 2, *((n, "4:4:4") for n in _SCALES)]),
        ({"tiers": ["recode"]}, "4:2:0", [(1, "4:2:0"), (1, "4:2:0"), (1, "4:4:4")]),
        ({"tiers": ["recode"], "effort": "fast"}, None, [(1, "4:4:4")]),
        ({"tiers": ["recode"], "effort": "best"}, "4:2:0", [(1, "4:2:0")] * 4 + [(1, "4:4:4")] * 4),
        ({"tiers": ["downscale"], "scales": [4, 2]}, "4:2:0", [(2, "4:4:4"), (4, "4:4:4")]),
    ],
)  # fmt: skip
def test_candidates_follow_the_policy(
    changes: dict[str, Any], subsampling: str | None, expected: list[tuple[int, str]]
) -> None:
    """Without scores full size competes first, with best effort cleaned up, too; then scales."""
    source = _source(crop("RGB", 32, 32))
    source = replace(source, upload=replace(source.upload, subsampling=subsampling))
    found = _candidates(source, codecs=["avif"], fidelity=None, **changes)
    assert [(c.scale, c.subsampling) for c in found] == expected


@pytest.mark.parametrize("effort", _EFFORTS)
def test_effort_admits_codecs(effort: str) -> None:
    """With more effort more codecs compete, AVIF always first; none that cannot store alpha."""
    known = ["avif", "jxl", "webp", "jpeg"]
    codecs = {}
    for mode, format_ in (("RGB", "JPEG"), ("RGBA", "PNG")):
        found = _candidates(
            _source(crop(mode, 32, 32), format_, **({"quality": 95} if mode == "RGB" else {})),
            codecs=known, tiers=["recode"], effort=effort,
        )  # fmt: skip
        codecs[mode] = list(dict.fromkeys(candidate.codec for candidate in found))
    count = {"fast": 1, "balanced": 1, "best": 4}[effort]
    assert known[:count] == codecs["RGB"]
    assert known[: min(count, 3)] == codecs["RGBA"]


def test_what_is_protected_is_left_whole() -> None:
    """Protected kinds are not shrunk and not given to a restorer, others are."""
    source = _source(crop("RGB", 32, 32))
    for kind in ("document", "screenshot", "chart"):
        found = _candidates(source, kind=kind)
        assert {(candidate.scale, candidate.restorer) for candidate in found} == {(1, None)}
    assert len(_candidates(source, kind="illustration", fidelity=None)) == 6
    assert len(_candidates(source, kind="document", protect=[], fidelity=None)) == 6
    assert _candidates(source, kind="document", protect_with="lossless") == []


def _letter() -> Pixels:
    image = Image.new("RGB", (420, 420), "white")
    draw = ImageDraw.Draw(image)
    for top in range(10, 400, 24):
        draw.text((10, top), "words that nobody may lose, line by line", fill="black")
    return np.asarray(image)


def test_protection_follows_the_pixels() -> None:
    """An image of text is detected and only recoded, whatever its declared type."""
    state = _find_rendition(_source(_letter()), floor={"psnr_db": 10, "ssim": None})
    assert state.kind in ("document", "screenshot", "chart")
    assert {trial.candidate.scale for trial in state.trials} == {1}


def test_samples_come_first() -> None:
    """Of a larger image samples are tried first, and few qualities of the whole."""
    state = _find_rendition(_source(photo("astronaut.png")), tiers=["recode"])
    sampled = [trial.sampled for trial in state.trials]
    assert state.best is not None
    assert sorted(sampled, reverse=True) == sampled
    assert 1 <= sampled.count(True) <= 6
    assert 1 <= sampled.count(False) <= 5
    assert all(trial.seconds > 0 for trial in state.trials)


def test_samples_agree_with_their_image() -> None:
    """Size and PSNR predicted from a sample are close to the whole image's."""
    source = _source(photo("astronaut.png"), "PNG")
    state = SearchState(source, Floor(), models.restorer, Work(FOREVER), "photo")
    sample_trials = SampleTrials.of(state)
    candidate = Candidate("recode", "avif", 1, None, "4:4:4")
    expected = trials.attempt(state, candidate, 60, 9)
    found = sample_trials.attempt(candidate, 60, 9)
    assert found.reading.psnr_db == pytest.approx(expected.reading.psnr_db, abs=1)
    assert found.size == pytest.approx(expected.size, rel=0.25)


def test_no_trial_begins_without_work_left() -> None:
    """With no work left nothing is tried and nothing wins."""
    state = _find_rendition(_source(crop("RGB", 32, 32)), work_s=0)
    assert (state.trials, state.best) == ([], None)


def test_what_was_found_before_the_work_is_done_counts() -> None:
    """When the work is done in the middle, the best so far is the winner."""
    source, floor = _source(crop("RGB", 64, 48)), {"psnr_db": 20, "ssim": None}
    whole = _find_rendition(source, floor=floor)
    part = _find_rendition(source, work_s=whole.work.done_s, floor=floor)
    assert part.best is not None
    assert 1 <= len(part.trials) < len(whole.trials)
    metadata = [(trial.candidate, trial.quality) for trial in whole.trials][: len(part.trials)]
    assert [(trial.candidate, trial.quality) for trial in part.trials] == metadata


def test_a_slow_processor_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPU time far beyond what was charged ends it, with the best so far."""
    clock = itertools.count(step=5)
    counting = SimpleNamespace(process_time=lambda: next(clock))  # threads of others go on
    monkeypatch.setattr("slimgate.codec.search.effort.time", counting)
    state = _find_rendition(
        _source(crop("RGB", 64, 48)), work_s=10, floor={"psnr_db": 20, "ssim": None}
    )
    assert state.best is not None
    assert next(clock) <= 100


def _verdicts(source: SourceImage, **changes: Any) -> set[tuple[str, bool]]:
    state = _find_rendition(source, **changes)
    assert state.best is None
    return {(trial.verdict, trial.size > 0) for trial in state.trials}


def test_nothing_small_enough() -> None:
    """When every rendition is too big there is no winner."""
    source = replace(_source(crop("RGB", 48, 48)), max_stored=0)
    assert _verdicts(source, tiers=["recode"], floor={"psnr_db": 10}) == {("too big", True)}


def test_nothing_that_fits() -> None:
    """When no served file gets as small as the upload there is no winner."""
    source = replace(_source(crop("RGB", 48, 48)), size=100)
    assert ("does not fit", True) in _verdicts(source, tiers=["recode"])


def test_nothing_that_holds() -> None:
    """When no quality holds the floor there is no winner."""
    source = replace(_source(noise(48, 48, 3)), max_stored=10**6)
    assert _verdicts(source, tiers=["recode"], floor={"psnr_db": 60}) == {("below floor", True)}


def test_hopeless_scales_are_not_encoded() -> None:
    """A scale whose restored image is below the floor before any encoding costs one trial."""
    state = _find_rendition(_source(noise(48, 48, 3)), tiers=["downscale"], fidelity=None)
    assert [(trial.verdict, trial.quality, trial.size) for trial in state.trials] == [
        ("ceiling below floor", REFUSED, 0)
    ] * 3
    assert [trial.candidate.scale for trial in state.trials] == [2, 3, 4]


def test_scales_that_lose_key_points_are_not_encoded() -> None:
    """Where shrinking alone costs more key points than the floor allows, nothing is encoded."""
    floor = {"psnr_db": 20, "ssim": None, "orb": 0.99}
    source = _source(photo("astronaut.png", "L"))
    state = _find_rendition(source, tiers=["downscale"], floor=floor, effort="best")
    refused = [trial for trial in state.trials if trial.quality == REFUSED]
    assert [trial for trial in state.trials if not trial.sampled and trial.size] == []
    assert refused
    assert all(trial.reading.orb is not None for trial in refused if not trial.sampled)


def test_scales_that_lost_key_points_are_given_up() -> None:
    """Without a look at the ceiling, one trial of a scale far below the floor is enough."""
    floor = {"psnr_db": 20, "ssim": None, "orb": 0.99}
    state = _find_rendition(_source(photo("astronaut.png")), tiers=["downscale"], floor=floor)
    whole = [trial.candidate.scale for trial in state.trials if not trial.sampled]
    assert whole
    assert sorted(set(whole)) == sorted(whole)


def test_a_ruined_block_counts() -> None:
    """A floor for the worst block asks for a higher quality than one for the mean."""
    pixels = np.full((128, 192, 3), 128, np.uint8)
    pixels[:64, :64] = noise(64, 64, 3)
    source = replace(_source(pixels, "PNG"), max_stored=10**6, size=10**6)
    found = [
        _find_rendition(source, tiers=["recode"], floor={"psnr_db": 30, "ssim": None, **worst}).best
        for worst in ({}, {"block_psnr_db": 30})
    ]
    assert found[0] is not None
    assert found[1] is not None
    assert found[1].stored.quality > found[0].stored.quality
    served = decode_as(source.upload, found[1].served)
    assert block_psnr(source.pixels, served) >= 30


def test_the_bar_rises_with_each_winner() -> None:
    """The size limit is the source's at first, then just below the best so far."""
    source = _source(crop("RGB", 64, 48))
    state = _find_rendition(source, floor={"psnr_db": 25, "ssim": None})
    assert state.best is not None
    assert len(state.best.rendition) - 1 == state.max_stored
    state.best = None
    assert source.max_stored == state.max_stored


def test_candidates_speak_the_language_of_the_manifest() -> None:
    """A candidate describes how it would be stored, coding level included."""
    stored = Candidate("downscale", "avif", 3, LANCZOS, "4:4:4").stored(40)
    assert (
        stored.tier, stored.codec, stored.quality, stored.scale, stored.restorer, stored.level
    ) == ("downscale", "avif", 40, 3, LANCZOS, 104)  # fmt: skip
    assert Candidate("recode", "webp", 1, None, "4:2:0").stored(40).level == 0


def _finalist(scale: int) -> Finalist:
    candidate = Candidate("recode" if scale == 1 else "downscale", "avif", scale, None, "4:4:4")
    return Finalist(candidate, 50.0, 1000.0, 5, {}, 1000.0)


def test_one_scale_that_is_larger_than_expected_rules_out_no_other() -> None:
    """Networks may miss what the sample does not show; smaller files speak for all scales."""
    assert search._ratio({}, _finalist(1)) == 1
    assert search._ratio({2: 1.3}, _finalist(1)) == 1
    assert search._ratio({2: 1.3}, _finalist(2)) == 1.3
    assert search._ratio({2: 0.8}, _finalist(1)) == 0.8
