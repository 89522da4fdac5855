"""Fits find the constants that trials follow, and a run measures images and their samples."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench import fit_models, fits, journal
from bench.fit_curves import Measured
from bench.fit_trials import UNCODED
from bench.journal import Line
from slimgate.codec.measures import ssimulacra2
from slimgate.codec.search import fineness, scale_model
from tests.codec.pictures import crop, save

_LEVEL, _GRADIENT, _FLAT = -17.2, 0.6, 3.1
_SCORE_DB, _WORST_DB = 0.3, 0.5
_HARDER_DB, _SMALLER = 2.25, 0.9
_SHARE = 0.25


def _lines(count: int) -> Iterator[Line]:
    """Yield trials that follow the models exactly, of images and of samples that are easier."""
    random = np.random.default_rng(3)
    for number in range(count):
        gradient, flat = random.uniform(1.5, 3), random.uniform(0.2, 0.7)
        common = {"image": str(number), "held": number % 3 == 0, "chroma": "4:4:4"}
        activity = (gradient, flat)
        yield {
            **common, "pixels": 1, "share": _SHARE, "whole": activity, "inside": activity,
            "mosaics": {"1": activity},
        }  # fmt: skip
        at_50 = _LEVEL + _GRADIENT * gradient + _FLAT * flat
        for sampled in (False, True):
            own = {**common, "sampled": sampled}
            for quality in range(30, 97):
                yield {**own, "scale": 1, **_trial(quality, at_50, 0.0, sampled=sampled)}
                shrunk = _trial(quality, at_50 - _HARDER_DB, _SMALLER, sampled=sampled)
                yield {**own, "scale": 2, **shrunk}
            yield {**own, "scale": 2, **_trial(UNCODED, 0.0, 0.0, sampled=sampled)}


def _trial(quality: int, at_50: float, smaller: float, *, sampled: bool) -> Line:
    if quality == UNCODED:
        return {"quality": UNCODED, "size": 0, "ssimulacra2": 100.0, "ssimulacra2_worst": 100.0}
    db = at_50 + fineness.of(quality)
    size = math.exp(9 + fineness.BYTES * fineness.of(quality) - smaller)
    left_out = -math.log(_SHARE) if sampled else 0.0
    return {
        "quality": quality,
        "size": size * (_SHARE if sampled else 1),
        "ssimulacra2": _score(db + _SCORE_DB * left_out),
        "ssimulacra2_worst": _score(db - 2 + _WORST_DB * left_out),
    }


def _score(db: float) -> float:
    return 100 - 10 ** (-db / 10)


@pytest.fixture(scope="module")
def measured() -> Measured:
    """Return trials that follow the models."""
    return Measured.of(_lines(9))


def test_fits_find_what_trials_follow(measured: Measured) -> None:
    """Least squares return the constants that made the trials."""
    slopes = fit_models.fineness_fit(measured)
    expected = [fineness.of(51) - fineness.of(50), fineness.of(84) - fineness.of(83)]
    assert slopes[1:] == pytest.approx(expected, abs=0.002)
    assert fit_models.bytes_fit(measured) == pytest.approx(fineness.BYTES, abs=0.002)
    fit = fit_models.score_fit(measured)
    assert fit == pytest.approx([_LEVEL, _GRADIENT, _FLAT], abs=0.05)
    for scale in (1, 2):
        sample = fit_models.sample_fit(measured, scale)
        assert sample == pytest.approx({"score_db": _SCORE_DB, "worst_db": _WORST_DB}, abs=0.01)
    scaled = fit_models.scale_fit(measured, 2)
    assert scaled == pytest.approx({"harder_db": _HARDER_DB, "smaller": _SMALLER}, abs=0.02)


def test_what_was_not_measured_is_not_fitted(measured: Measured) -> None:
    """A scale without trials has no constants and no errors."""
    assert fit_models.scale_fit(measured, 3) == {}
    assert fit_models.sample_fit(measured, 3) == {}
    assert [each.number for each in fit_models.scale_errors(measured, 3, held=False)] == [0, 0]


def test_errors_are_those_of_the_constants_of_today(measured: Measured) -> None:
    """Where trials differ from today's constants by so much, so do predictions."""
    errors, _ = fit_models.scale_errors(measured, 2, held=True)
    needs = scale_model.predicted(60, 70, 100, 2)
    assert needs is not None
    found = fineness.quality(fineness.of(60) + _HARDER_DB)
    assert errors.bias == pytest.approx(needs.quality - found, abs=1)
    assert errors.deviation < 1


def test_a_curve_knows_what_it_needs(measured: Measured) -> None:
    """The quality for a score is interpolated, and extrapolated downwards on demand alone."""
    curve = next(curve for _, curve in measured.select())
    lowest = curve.points[0]
    assert curve.needed(_score(curve.points[20].score)) == pytest.approx(50)
    below = _score(lowest.score - 1)
    assert curve.needed(below) is None
    needed = curve.needed(below, below_db=2)
    assert needed == pytest.approx(fineness.quality(fineness.of(lowest.quality) - 1))
    assert curve.needed(99.9) is None
    assert ssimulacra2.decibels(below) == pytest.approx(lowest.score - 1)


@pytest.mark.slow
def test_a_run_measures_and_continues(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run measures images and samples; the next one measures only what is missing."""
    paths = [tmp_path / name for name in ("fit.png", "held.png")]
    for path, width in zip(paths, (264, 96), strict=True):
        path.write_bytes(save(crop("RGB", width, width), "PNG"))
    out, found = tmp_path / "trials.jsonl", tmp_path / "found.json"
    assert fits.main([str(paths[0]), "--out", str(out)]) == 0
    first = out.read_bytes()
    common = [str(paths[0]), "--held", str(paths[1]), "--out", str(out)]
    assert fits.main([*common, "--json", str(found)]) == 0
    assert out.read_bytes()[: len(first)] == first
    lines = [*journal.lines(out)]
    images = {line["image"]: line["held"] for line in lines}
    assert images == {journal.name(paths[0]): False, journal.name(paths[1]): True}
    assert {line["scale"] for line in lines if "scale" in line} == {1, 2, 3, 4}
    assert "first guess, steps" in capsys.readouterr().out
    errors = json.loads(found.read_text())["errors"]
    assert errors["held"]["first guess, steps"][0] > 0
