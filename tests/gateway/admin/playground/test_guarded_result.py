"""Tests of what the playground and the ledger show of fidelity and guards."""

from typing import Any

from slimgate import models
from slimgate.codec.optimize import Optimized, Refused, optimize
from slimgate.codec.reasons import Reason
from slimgate.gateway.admin.playground.result_view import policy_demands, result_view
from slimgate.gateway.admin.playground.results import Result
from slimgate.gateway.optimize import shadow_log
from tests.codec import smooth_images
from tests.codec.pictures import optimize_options, save

_DATA = save(smooth_images.faint_xray(240, 320, contrast=30), "PNG")
_OPTIONS = optimize_options(fidelity="standard")


def _result(found: Optimized | None, refusal: Refused | None = None) -> Result:
    told: dict[str, Any] = {"trials": (), "omitted": (), "seconds": 1.0, "served": None}
    return Result("x.png", "image/png", _DATA, _OPTIONS.policy, found, refusal=refusal, **told)


def test_the_guarded_floor_is_shown() -> None:
    """The page names the guard, and compares measures with the floor that it demands."""
    view = result_view(_result(optimize(_DATA, _OPTIONS, models.restorer)))
    assert view["guard"] == "medical image: floor of high"
    assert {each.name: each.floor for each in view["measures"]}["SSIMULACRA2"] == "80"


def test_policies_are_shown_by_name_and_numbers() -> None:
    """A policy is described by its fidelity, if it has one, and by what that demands."""
    expected = (
        "fidelity standard, SSIMULACRA2 70, SSIMULACRA2 of the worst region 50, ORB 0.35, "
        "at least 15% saved"
    )
    assert policy_demands(_OPTIONS.policy) == expected
    numbers = policy_demands(optimize_options(fidelity=None).policy)
    assert numbers.startswith("PSNR 34 dB, SSIM 0.93, ORB 0.65, ")


def test_refused_images_name_their_guard() -> None:
    """The page of an image that stays as it is names the guard, if there was one."""
    refusal = Refused(Reason.FLOOR)
    assert result_view(_result(None, refusal))["guard"] is None
    refusal.guard = "map"
    assert result_view(_result(None, refusal))["guard"] == "map: floor of high"


def test_the_ledger_names_the_guard() -> None:
    """A line has the guard where one raised the floor, and no such key otherwise."""
    guarded = optimize(_DATA, _OPTIONS, models.restorer).manifest
    assert shadow_log.small(1, guarded)["guard"] == "medical"
    plain = guarded.model_copy(update={"guard": None})
    assert "guard" not in shadow_log.small(1, plain)
