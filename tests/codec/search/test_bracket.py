"""Tests of the search for the lowest quality that holds."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.codec.encoders import coding
from slimgate.codec.search.bracket import QualityBracket, expected_bytes, qualities_between
from tests.config.builders import steady


def _found(lowest: int, slope: float) -> tuple[int | None, int]:
    """Search qualities 8 to 96 of which those from the lowest on hold: the result, the trials."""
    search = QualityBracket()
    best, trials = None, 0
    while (quality := search.next()) is not None:
        trials += 1
        margin = {"psnr_db": (quality - lowest) * slope}
        if quality >= lowest:
            best = quality
            search.holds(quality, margin)
        else:
            search.fails(quality, margin)
    return best, trials


@steady
@given(st.integers(8, 96), st.floats(0.05, 1))
def test_the_lowest_quality_is_found(lowest: int, slope: float) -> None:
    """Wherever the floor lies and however steep the line is, the lowest quality is found."""
    assert lowest == _found(lowest, slope)[0]


@pytest.mark.parametrize("lowest", [20, 41, 60, 88])
def test_even_lines_need_few_trials(lowest: int) -> None:
    """On a straight line of a usual slope four trials find the answer and prove it."""
    assert _found(lowest, 0.15)[1] <= 4


def test_nothing_that_holds() -> None:
    """When even the highest quality fails, the search ends without one."""
    assert (_found(97, 0.2)[0], _found(97, 0.2)[1] < 12) == (None, True)


def test_the_worst_measure_leads() -> None:
    """With two measures the search goes where both are expected to hold."""
    search = QualityBracket()
    search.fails(40, {"psnr_db": 1.0, "ssim": -1.9})
    assert search.target() == pytest.approx(50)
    assert search.next() == 50
    assert search.next(spare=1.5) == 52


def test_it_stays_inside_of_what_is_known() -> None:
    """A line that points outside of the bracket is not believed."""
    search = QualityBracket()
    search.fails(40, {"psnr_db": -0.1})
    search.holds(44, {"psnr_db": 5.0})
    assert search.next() == 41
    search.cap(41)
    assert search.next() is None


def test_an_accident_does_not_mislead() -> None:
    """Two trials on a flat stretch do not send the search to the end of the range."""
    search = QualityBracket()
    search.fails(40, {"ssim": -0.5})
    search.fails(41, {"ssim": -0.4999})
    assert search.next() == 44


@pytest.mark.parametrize("steps", [-12, 0, 3, 40])
def test_sizes_and_steps_agree(steps: int) -> None:
    """The size expected so many steps away lies so many steps away."""
    size = expected_bytes(10_000, 50, 50 + steps)
    assert qualities_between(10_000, size) == pytest.approx(steps)


def test_qualities_of_one_file_are_tried_once() -> None:
    """AVIF qualities 58 and 59 are the same file: one failure rules out both."""
    bracket = QualityBracket(alike=partial(coding.alike, "avif"))
    bracket.fails(58, {"ssimulacra2": -0.01})
    bracket.holds(61, {"ssimulacra2": 0.3})
    assert (bracket.low, bracket.high) == (59, 60)
    assert bracket.next() is None


def _bracket(fails: int, holds: int, margin: float) -> QualityBracket:
    """Return what two trials tell; the one that holds has a margin in dB, 0.3 dB per step."""
    bracket = QualityBracket(alike=partial(coding.alike, "avif"))
    bracket.fails(fails, {"ssimulacra2": margin - 0.3 * (holds - fails)})
    bracket.holds(holds, {"ssimulacra2": margin})
    return bracket


def test_a_step_is_worth_what_it_is_around_the_best() -> None:
    """The bytes between failure and success count, not those between two successes."""
    sizes = {44: 269_030, 48: 302_541, 52: 425_457, 54: 441_775}
    assert _bracket(44, 52, 2.0).saving({52: 425_457}, 48) == 5
    assert _bracket(44, 52, 2.0).saving(sizes, 48) == pytest.approx(9.47, abs=0.01)
    assert _bracket(44, 54, 2.0).saving(sizes, 48) == 6.5


def test_qualities_of_one_file_count_alike() -> None:
    """Qualities 49 and 50 of AVIF are one file, 47 and 48 the one before: two steps less."""
    for holds in (49, 50):
        for tried in (47, 48):
            assert _bracket(40, holds, 2.0).saving({holds: 412_551}, tried) == 2


def test_a_trial_that_is_expected_to_fail_saves_nothing() -> None:
    """A quality is worth no more than what lies above the expected quality of the floor."""
    for margin, saved in ((0.0, -0.5), (0.3, 0.5), (0.9, 2)):
        bracket = _bracket(40, 50, margin)
        found = bracket.saving({50: 412_551}, 48)
        assert found == pytest.approx(saved), margin


def test_neighbouring_trials_do_not_mislead_a_steady_bracket() -> None:
    """Two qualities close together tell little of a slope beside the usual one."""
    margins = {54: 0.36, 52: 0.30}
    targets = []
    for weight in (0.0, 4.0):
        bracket = QualityBracket(steady=weight)
        for quality, margin in margins.items():
            bracket.holds(quality, {"ssimulacra2": margin})
        targets.append(bracket.target() or 0)
    alone, beside_the_usual = targets
    assert alone < 44
    assert 48 < beside_the_usual < 50
