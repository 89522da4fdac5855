"""Tests of holding images against floors."""

from collections.abc import Sequence

import pytest

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import floors, ssim
from slimgate.codec.measures.block import block_psnr
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.reading import Reading
from slimgate.config import Floor
from tests.codec.pictures import crop, worsened

_NOTHING: dict[str, float | None] = dict.fromkeys(("psnr_db", "ssim", "orb", "block_psnr_db"))
_PIXELS = crop("RGB", 160, 160)
_WORSE = worsened(_PIXELS, 12)


def _floor(**demanded: float | None) -> Floor:
    # Not validated: a floor may demand a measure alone that a policy may not.
    return Floor().model_copy(update={**_NOTHING, **demanded})


def _measured() -> dict[str, float]:
    found = floors.measure(_PIXELS, _WORSE)
    block = block_psnr(_PIXELS, _WORSE)
    return {
        "psnr_db": found.psnr_db,
        "ssim": found.ssim,
        "orb": found.orb,
        "block_psnr_db": block,
    }


@pytest.mark.parametrize("measure", ["psnr_db", "ssim", "orb", "block_psnr_db"])
def test_each_measure_is_demanded_to_the_digit(measure: str) -> None:
    """A floor holds at the very value that is measured, and not above it."""
    value = _measured()[measure]
    found = []
    for demanded in (value * 0.999, value, value * 1.001):
        floor = _floor(**{measure: demanded})
        found.append(floors.holds(floor, floors.read(floor, Prepared(_PIXELS), _WORSE)))
    assert found == [True, True, False]


_EVERYTHING = {"psnr_db": 1.0, "block_psnr_db": 1.0, "ssim": 0.01, "orb": 0.01}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"psnr_db": 90.0}, ["psnr_db"]),
        ({"block_psnr_db": 90.0}, ["psnr_db", "block_psnr_db"]),
        ({"ssim": 1.0}, ["psnr_db", "block_psnr_db", "ssim"]),
        ({}, ["psnr_db", "block_psnr_db", "ssim", "orb"]),
        ({"ssimulacra2": 10}, ["psnr_db", "block_psnr_db", "ssim", "orb", "ssimulacra2"]),
        ({"ssimulacra2_worst": 10}, ["psnr_db", "block_psnr_db", "ssim", "orb", "ssimulacra2"]),
        ({"psnr_db": None, "ssim": None, "block_psnr_db": None}, ["orb"]),
    ],
)
def test_cheap_measures_come_first(
    changes: dict[str, float | None], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is measured that is not demanded, or after one measure has failed."""
    asked = []

    def spied(name: str, measure: floors.Measure) -> floors.Measure:
        def spy(original: Prepared, restored: Pixels) -> Sequence[float]:
            asked.append(name)
            return measure(original, restored)

        return spy

    table = {names: spied(names[0], measure) for names, measure in floors._MEASURES.items()}
    monkeypatch.setattr(floors, "_MEASURES", table)
    floors.read(_floor(**{**_EVERYTHING, **changes}), Prepared(_PIXELS), _WORSE)
    assert asked == expected


def test_only_the_named_measures_are_taken() -> None:
    """Asked for one measure, only that one is read, however much the floor demands."""
    reading = floors.read(_floor(**_EVERYTHING), Prepared(_PIXELS), _WORSE, names=("ssim",))
    exact = ssim.exact(_PIXELS, _WORSE)
    assert Reading(ssim=reading.ssim) == reading
    assert exact - 2 * ssim.QUICK_ERROR <= (reading.ssim or 0) <= exact


@pytest.mark.parametrize("known", [{}, {"psnr_db": 20.0}, {"ssim": 0.5, "orb": 0.25}])
def test_completing_measures_what_is_missing(known: dict[str, float]) -> None:
    """What was read before is kept, and everything else that is recorded is measured."""
    expected = {**_measured(), **known}
    found = floors.complete(Reading(**known), Prepared(_PIXELS), lambda: _WORSE)
    assert (
        found.psnr_db, found.ssim, found.orb
    ) == (expected["psnr_db"], expected["ssim"], expected["orb"])  # fmt: skip


def test_margins_have_the_sign_of_the_verdict() -> None:
    """A margin is below 0 exactly where the measure is below the floor; others are left out."""
    floor = _floor(psnr_db=34.0, ssim=0.93, orb=0.65)
    margins = floors.margins(floor, Reading(psnr_db=35.5, ssim=0.9, text=0.1))
    assert margins == {"psnr_db": 1.5, "ssim": pytest.approx(-1.549, abs=1e-3)}


def test_nothing_but_identity_is_one() -> None:
    """An SSIM that is a hair below 1 does not hold a floor of 1."""
    assert not floors.holds(_floor(ssim=1.0), Reading(ssim=1 - 1e-12))
