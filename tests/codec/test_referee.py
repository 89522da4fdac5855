"""Tests of the competition for the smallest rendition that holds the floor."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import models
from codec import fidelity, output, referee
from codec.containers import DoesNotFit, parse
from codec.pixels import Pixels, decode_as
from codec.referee import Candidate, Contest, Subject, Trial
from codec.restore import pixels_of
from config import Floor
from tests.codec.pictures import FOREVER, LANCZOS, crop, noise, policy, save, worsened

_LOWEST, _HIGHEST = referee._QUALITY_RANGE


def _subject(pixels: Pixels, format_: str = "JPEG", **parameters: Any) -> Subject:
    parameters = parameters or {"quality": 97, "subsampling": "4:4:4"}
    data = save(pixels, format_, **parameters)
    upload = parse(data)
    return Subject(
        pixels=decode_as(upload, data),
        upload=upload,
        size=len(data),
        blob=b"",
        orientation=1,
        max_stored=len(data),
    )


def _compete(subject: Subject, deadline: float = FOREVER, **changes: Any) -> Contest:
    return referee.compete(
        subject,
        policy(**changes),
        restorer=LANCZOS,
        upscalers=models.restorer,
        deadline=deadline,
    )


def _sizes_that_hold(subject: Subject, floor: Floor, candidate: Candidate) -> dict[int, int]:
    """Try every quality there is: the bytes of each that holds."""
    small = referee._shrunk(subject.pixels, candidate.scale)
    size = (subject.upload.width, subject.upload.height)
    found = {}
    for quality in range(_LOWEST, _HIGHEST):
        rendition = referee._encode(subject, candidate, small, quality)
        pixels = pixels_of(
            rendition,
            candidate.stored(quality),
            mode=subject.upload.mode,
            size=size,
            upscalers=models.restorer,
        )
        try:
            served = output.fit(pixels, subject.upload, subject.size)[1]
        except DoesNotFit:
            continue
        if referee.holds(floor, subject.pixels, decode_as(subject.upload, served)):
            found[quality] = len(rendition)
    return found


_CONTESTS = [
    ("RGB", {"tiers": ["recode"], "floor": {"psnr_db": 34}}),
    ("L", {"tiers": ["recode"], "floor": {"psnr_db": None, "ssim": 0.95}}),
    ("RGB", {"tiers": ["downscale"], "scales": [2], "floor": {"psnr_db": 22.5, "ssim": None}}),
]


@pytest.mark.parametrize(("mode", "changes"), _CONTESTS)
@pytest.mark.parametrize("effort", ["fast", "balanced", "best"])
def test_the_lowest_quality_that_holds_is_found(
    mode: str, changes: dict[str, Any], effort: str
) -> None:
    """The winner is as small as an exhaustive search's, but for the resolution of bisection."""
    subject = _subject(crop(mode, 64, 48))
    contest = _compete(subject, effort=effort, **changes)
    asked = policy(effort=effort, **changes)
    (candidate,) = referee.candidates(asked, subject.upload, LANCZOS)
    exhaustive = _sizes_that_hold(subject, asked.floor, candidate)
    assert contest.best is not None
    assert len(contest.best.rendition) == exhaustive[contest.best.stored.quality]
    # Neighbouring qualities may share a quantizer and give files of the same size.
    reached = min(exhaustive) + (_HIGHEST - _LOWEST) / 2 ** referee._TRIALS[effort]
    within = [size for quality, size in exhaustive.items() if quality <= reached]
    assert min(exhaustive.values()) <= len(contest.best.rendition) <= max(within)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("psnr_db", [22, 24, 28, 34])
def test_pruning_never_loses(mode: str, psnr_db: float) -> None:
    """Together the candidates find nothing larger than the best that each finds alone."""
    subject = _subject(crop(mode, 96, 80), "PNG", compress_level=6)
    floor = {"psnr_db": psnr_db, "ssim": None}
    alone = [
        _compete(subject, floor=floor, tiers=["recode"]),
        *(_compete(subject, floor=floor, tiers=["downscale"], scales=[n]) for n in (2, 3, 4)),
    ]
    together = _compete(subject, floor=floor).best
    assert together is not None
    smallest = min(len(contest.best.rendition) for contest in alone if contest.best)
    assert len(together.rendition) <= smallest


def test_the_winner_holds_and_is_the_smallest_that_did() -> None:
    """The winner's served file has the size of the upload and holds; no trial that held is less."""
    subject = _subject(crop("RGB", 96, 80))
    contest = _compete(subject, floor={"psnr_db": 25, "ssim": 0.7}, effort="best")
    best = contest.best
    assert best is not None
    held = [trial.size for trial in contest.trials if trial.verdict == "holds"]
    assert sorted(held, reverse=True) == held
    assert held[-1] == len(best.rendition) <= subject.max_stored
    assert subject.size == len(best.served)
    served = decode_as(subject.upload, best.served)
    assert fidelity.psnr(subject.pixels, served) >= 25
    assert fidelity.ssim(subject.pixels, served) >= 0.7


@pytest.mark.parametrize(
    ("changes", "subsampling", "expected"),
    [
        ({}, "4:4:4", [("recode", 1, "4:4:4"), *(("downscale", n, "4:4:4") for n in (2, 3, 4))]),
        ({"tiers": ["recode"]}, "4:2:0", [("recode", 1, "4:2:0")]),
        ({"tiers": ["recode"]}, "4:2:2", [("recode", 1, "4:4:4")]),
        ({"tiers": ["recode"]}, None, [("recode", 1, "4:4:4")]),
        ({"tiers": ["downscale"], "scales": [4, 2]}, "4:2:0",
         [("downscale", 2, "4:4:4"), ("downscale", 4, "4:4:4")]),
        ({"scales": [3]}, "4:2:0", [("recode", 1, "4:2:0"), ("downscale", 3, "4:4:4")]),
    ],
)  # fmt: skip
def test_candidates_follow_the_policy(
    changes: dict[str, Any], subsampling: str | None, expected: list[tuple[str, int, str]]
) -> None:
    """Full size competes first, then each scale; chroma is thinned only where it was before."""
    upload = replace(_subject(crop("RGB", 32, 32)).upload, subsampling=subsampling)
    found = list(referee.candidates(policy(**changes), upload, LANCZOS))
    assert expected == [(c.tier, c.scale, c.subsampling) for c in found]
    assert [None if c.scale == 1 else LANCZOS for c in found] == [c.restorer for c in found]


def test_effort_buys_slower_encoding_and_more_trials() -> None:
    """With more effort the encoder is slower and the search finer."""
    upload = _subject(crop("RGB", 32, 32)).upload
    efforts = ("fast", "balanced", "best")
    speeds = [
        next(referee.candidates(policy(effort=effort), upload, LANCZOS)).speed for effort in efforts
    ]
    trials = [referee._TRIALS[effort] for effort in efforts]
    assert sorted(set(speeds), reverse=True) == speeds
    assert sorted(set(trials)) == trials


def test_no_trial_begins_after_the_deadline() -> None:
    """With no time left nothing is tried and nothing wins."""
    contest = _compete(_subject(crop("RGB", 32, 32)), deadline=-1)
    assert ([], None) == (contest.trials, contest.best)


def test_what_was_found_before_the_deadline_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """When time runs out in the middle, the best so far is the winner."""
    clock = itertools.count()
    monkeypatch.setattr("codec.referee.time.monotonic", lambda: next(clock))
    # The clock is asked once for a candidate and once for each trial.
    contest = _compete(
        _subject(crop("RGB", 64, 48)), deadline=2, floor={"psnr_db": 20, "ssim": None}
    )
    assert ["holds", "holds"] == [trial.verdict for trial in contest.trials]
    assert contest.best is not None


def _verdicts(subject: Subject, **changes: Any) -> set[tuple[str, bool]]:
    contest = _compete(subject, **changes)
    assert contest.best is None
    return {(trial.verdict, trial.size > 0) for trial in contest.trials}


def test_nothing_small_enough() -> None:
    """When every rendition is too big there is no winner."""
    subject = replace(_subject(crop("RGB", 48, 48)), max_stored=0)
    assert {("too big", True)} == _verdicts(subject, tiers=["recode"], floor={"psnr_db": 10})


def test_nothing_that_fits() -> None:
    """When no served file gets as small as the upload there is no winner."""
    subject = replace(_subject(crop("RGB", 48, 48)), size=100)
    assert {("does not fit", True)} == _verdicts(subject, tiers=["recode"])


def test_nothing_that_holds() -> None:
    """When no quality holds the floor there is no winner."""
    subject = replace(_subject(noise(48, 48, 3)), max_stored=10**6)
    assert {("below floor", True)} == _verdicts(subject, tiers=["recode"], floor={"psnr_db": 60})


def test_hopeless_scales_are_not_encoded() -> None:
    """A scale whose restored image is below the floor before any encoding costs one trial."""
    subject = _subject(noise(48, 48, 3))
    contest = _compete(subject, tiers=["downscale"])
    assert [("ceiling below floor", -1, 0)] * 3 == [
        (trial.verdict, trial.quality, trial.size) for trial in contest.trials
    ]
    assert [2, 3, 4] == [trial.candidate.scale for trial in contest.trials]


def _measured(pixels: Pixels, restored: Pixels) -> dict[str, float]:
    found = fidelity.measure(pixels, restored)
    return {"psnr_db": found.psnr_db, "ssim": found.ssim, "orb": found.orb}


@pytest.mark.parametrize("measure", ["psnr_db", "ssim", "orb"])
def test_each_measure_is_demanded_to_the_digit(measure: str) -> None:
    """A floor holds at the very value that is measured, and not above it."""
    pixels = crop("RGB", 160, 160)
    restored = worsened(pixels, 12)
    value = _measured(pixels, restored)[measure]
    nothing: dict[str, float | None] = {"psnr_db": None, "ssim": None, "orb": None}
    found = [
        referee.holds(Floor(**{**nothing, measure: demanded}), pixels, restored)
        for demanded in (value * 0.999, value, value * 1.001)
    ]
    assert [True, True, False] == found


@pytest.mark.parametrize(
    ("floor", "expected"),
    [
        ({"psnr_db": 90, "ssim": 0.1, "orb": 0.1}, ["psnr"]),
        ({"psnr_db": 1, "ssim": 1, "orb": 0.1}, ["psnr", "ssim"]),
        ({"psnr_db": 1, "ssim": 0.01, "orb": 0.01}, ["psnr", "ssim", "orb"]),
        ({"psnr_db": None, "ssim": None, "orb": 0.01}, ["orb"]),
        ({"psnr_db": None, "ssim": 1, "orb": 0.01}, ["ssim"]),
        ({"psnr_db": 1, "ssim": None}, ["psnr"]),
    ],
)
def test_cheap_measures_come_first(
    floor: dict[str, float | None], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is measured that is not demanded, or after one measure has failed."""
    asked = []

    def spied(name: str) -> Callable[[Pixels, Pixels], float]:
        measure: Callable[[Pixels, Pixels], float] = getattr(fidelity, name)

        def spy(original: Pixels, restored: Pixels) -> float:
            asked.append(name)
            return measure(original, restored)

        return spy

    for name in ("psnr", "ssim", "orb"):
        monkeypatch.setattr(fidelity, name, spied(name))
    pixels = crop("RGB", 160, 160)
    referee.holds(Floor(**floor), pixels, worsened(pixels, 12))
    assert expected == asked


def test_the_bar_rises_with_each_winner() -> None:
    """What may be stored is at first what the subject allows, then less than the best so far."""
    subject = _subject(crop("RGB", 64, 48))
    contest = _compete(subject, floor={"psnr_db": 25, "ssim": None})
    assert contest.best is not None
    assert len(contest.best.rendition) - 1 == contest.max_stored
    contest.best = None
    assert subject.max_stored == contest.max_stored


def test_trials_tell_what_was_tried() -> None:
    """A trial names the candidate, and candidates speak the language of the manifest."""
    candidate = Candidate("downscale", 3, LANCZOS, "4:4:4", 8)
    trial = Trial(candidate, 40, 1234, "holds")
    stored = trial.candidate.stored(trial.quality)
    assert ("downscale", "avif", 40, 3, LANCZOS) == (
        stored.tier, stored.codec, stored.quality, stored.scale, stored.restorer
    )  # fmt: skip
