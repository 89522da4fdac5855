"""Tests of stricter floors for kinds of images that need more than the mean."""

import pickle
from typing import Any

import pytest

from slimgate import models
from slimgate.codec.image import content_kind
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import floors
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.optimize import Refused, optimize
from slimgate.codec.search import guards
from slimgate.config.floor import PRESETS, Floor, Guard
from tests.codec import smooth_images
from tests.codec.pictures import optimize_options, photo, save

_XRAY = smooth_images.faint_xray(240, 320, contrast=30)


def _applied(pixels: Pixels, **policy: Any) -> guards.GuardedFloor:
    made = optimize_options(**policy).policy
    return guards.applied(made, Prepared(pixels), content_kind.kind(pixels))


@pytest.mark.parametrize(
    ("pixels", "policy", "guard", "expected"),
    [
        (photo("retina.jpg"), {"fidelity": "standard"}, "medical", PRESETS["high"]),
        (photo("retina.jpg"), {"fidelity": "economy"}, "medical", PRESETS["high"]),
        (photo("retina.jpg"), {"fidelity": "archive"}, None, PRESETS["archive"]),
        (photo("retina.jpg"), {"fidelity": "standard", "guards": []}, None, PRESETS["standard"]),
        (photo("retina.jpg"), {"fidelity": "economy", "guards": ["map"]}, None, PRESETS["economy"]),
        (photo("retina.jpg"), {}, "medical", PRESETS["high"]),
        (photo("retina.jpg"), {"fidelity": None}, None, Floor()),
        (photo("camera.png", "L"), {"fidelity": "economy"}, "document", PRESETS["standard"]),
        (photo("astronaut.png"), {"fidelity": "standard"}, None, PRESETS["standard"]),
    ],
)
def test_a_guard_raises_the_floor(
    pixels: Pixels, policy: dict[str, Any], guard: Guard | None, expected: Floor
) -> None:
    """What an image shows decides its floor under a fidelity, unless the policy says otherwise."""
    assert _applied(pixels, **policy) == guards.GuardedFloor(expected, guard)


def test_images_without_key_points_keep_their_worst_block() -> None:
    """A guarded floor also demands more of the worst block where ORB finds nothing."""
    blurred = smooth_images.faint_xray(240, 320, contrast=0)
    found = _applied(blurred, fidelity="standard")
    assert found.guard == "medical"
    assert (found.floor.orb, found.floor.block_psnr_db) == (None, floors.FEATURELESS_DB)
    assert found.floor.ssimulacra2 == 80


@pytest.mark.parametrize("fidelity", ["standard", "economy"])
def test_what_is_stored_holds_the_guarded_floor(fidelity: str) -> None:
    """The manifest tells the guard, and a score that is at least the one it demands."""
    data = save(_XRAY, "PNG")
    note = optimize(data, optimize_options(fidelity=fidelity), models.restorer).manifest
    assert note.guard == "medical"
    assert (note.measured.ssimulacra2 or 0) >= 80


def test_without_guards_nothing_is_recorded() -> None:
    """Under a floor of one's own, and without guards, manifests have no guard."""
    data = save(_XRAY, "PNG")
    for asked in ({"fidelity": None}, {"fidelity": "economy", "guards": []}):
        made = optimize(data, optimize_options(**asked), models.restorer)
        assert made.manifest.guard is None
        assert '"g"' not in made.manifest.dumps()


def test_a_refusal_tells_the_guard() -> None:
    """An image that stays as it is says which guard had applied, also in another process."""
    asked = optimize_options(fidelity="standard", min_saving=0.98, tiers=["recode"])
    with pytest.raises(Refused) as caught:
        optimize(save(_XRAY, "PNG"), asked, models.restorer)
    assert caught.value.guard == "medical"
    assert pickle.loads(pickle.dumps(caught.value)).guard == "medical"  # noqa: S301  # our own


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        ("medical", "medical image: floor of high"),
        ("map", "map: floor of high"),
        ("radar", "radar: floor of standard"),
    ],
)
def test_guards_are_described(guard: str, expected: str) -> None:
    """People read the kind of image and its floor; unknown kinds of later versions have a name."""
    assert guards.described(optimize_options(fidelity="standard").policy, guard) == expected
