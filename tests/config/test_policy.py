import hashlib
import itertools
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from slimgate.config.floor import PRESETS, Floor
from slimgate.config.policy import TYPES, Policy, PolicyLimits
from tests.config.builders import policy, steady

_KINDS = ("chart", "document", "map", "medical", "screenshot")


def make(**changes: Any) -> Policy:
    """Return a validated policy made of the smallest one and changes."""
    return Policy.model_validate(policy(**changes))


def test_defaults_are_those_of_the_design() -> None:
    """Only name, bucket and mode are needed; everything else has the documented default."""
    expected = {
        "name": "photos",
        "bucket": "photos-*",
        "prefix": "",
        "types": (
            "image/bmp",
            "image/gif",
            "image/jpeg",
            "image/png",
            "image/tiff",
            "image/vnd.adobe.photoshop",
            "image/webp",
            "image/x-portable-anymap",
        ),
        "mode": "optimize",
        "when": "upload",
        "tiers": ("downscale", "exact", "lossless", "recode"),
        "scales": (2, 3, 4),
        "codecs": ("avif", "jpeg", "jxl", "webp"),
        "restorer": "native",
        "fidelity": "standard",
        "floor": {
            "psnr_db": None,
            "ssim": None,
            "orb": 0.35,
            "block_psnr_db": None,
            "ssimulacra2": 70.0,
            "ssimulacra2_worst": 50.0,
            "text": None,
        },
        "guards": _KINDS,
        "protect": ("chart", "document", "screenshot"),
        "exact_codec": "jxl",
        "protect_with": "recode",
        "min_saving": 0.15,
        "effort": "balanced",
        "limits": {"max_bytes": 67108864, "max_pixels": 200_000_000, "timeout_s": 20.0},
        "originals": {
            "keep": None,
            "prefix": "slimgate/",
            "storage_class": None,
            "access_key": None,
        },
        "serve": {"negotiate": (), "shrunk": False},
        "anonymous": False,
        "upstream": None,
    }
    assert make().model_dump() == expected


def test_a_policy_without_a_floor_has_the_default_fidelity() -> None:
    """Saying nothing and naming the default fidelity are the same policy."""
    assert make() == make(fidelity="standard") == make(guards=list(_KINDS))
    assert make().digest == make(fidelity="standard").digest
    assert PolicyLimits() == make(limits={}).limits


@pytest.mark.parametrize("change", [{"floor": {}}, {"fidelity": None}, {"floor": {"ssim": 0.93}}])
def test_a_floor_takes_the_place_of_the_default_fidelity(change: dict[str, Any]) -> None:
    """A floor, even an empty one, or no fidelity: what is not named has the floor's own default."""
    made = make(**change)
    assert (made.fidelity, made.floor, made.guards) == (None, Floor(), ())
    assert made.floor.model_dump() == {
        "psnr_db": 34.0,
        "ssim": 0.93,
        "orb": 0.65,
        "block_psnr_db": 28.0,
        "ssimulacra2": None,
        "ssimulacra2_worst": None,
        "text": None,
    }


@pytest.mark.parametrize("name", PRESETS)
def test_a_fidelity_is_a_floor_by_name(name: str) -> None:
    """A fidelity sets the whole floor; without guards it is the policy with that floor."""
    named = make(fidelity=name)
    assert named.floor == PRESETS[name]  # type: ignore[index]
    unguarded = make(fidelity=name, guards="off")
    assert unguarded.digest == make(floor=named.floor.model_dump()).digest
    assert named == make(fidelity=name, floor=named.floor.model_dump())


@pytest.mark.parametrize(
    ("fidelity", "expected"),
    [
        ("archive", ["archive"] * 5),
        ("high", ["high"] * 5),
        ("standard", ["high"] * 5),
        ("economy", ["standard", "standard", "standard", "high", "standard"]),
        (None, [None] * 5),
    ],
)
def test_guards_raise_a_fidelity(fidelity: str | None, expected: list[str | None]) -> None:
    """Each kind of image gets the next preset, medical ones at least high; no floor gets lower."""
    made = make(fidelity=fidelity)
    assert [made.guarded_fidelity(kind) for kind in _KINDS] == expected
    raised = [kind for kind, each in zip(_KINDS, expected, strict=True) if each != fidelity]
    assert made.raising_guards == tuple(raised)
    floors = [PRESETS[each] if each else Floor() for each in expected]  # type: ignore[index]
    assert [made.guarded_floor(kind) for kind in _KINDS] == floors
    assert made.guarded_floor(None) == made.floor


def test_guards_can_be_chosen() -> None:
    """All kinds are guarded under a fidelity, or the ones named, or none."""
    assert make(fidelity="standard").guards == _KINDS
    assert make(fidelity="standard", guards=["medical", "map"]).guards == ("map", "medical")
    assert make(fidelity="standard", guards="off") == make(fidelity="standard", guards=[])
    assert make(guards="off") == make(fidelity="standard", guards="off")
    assert make(guards="off").guards == ()


def test_guards_of_a_floor_contradict() -> None:
    """A floor of one's own is taken as it is: guards beside it are refused."""
    with pytest.raises(ValidationError, match="guards raise a fidelity: set fidelity"):
        make(floor={"ssimulacra2": 75}, guards=["medical"])
    with pytest.raises(ValidationError, match="guards raise a fidelity: set fidelity"):
        make(fidelity=None, guards=["medical"])


def test_stricter_fidelities_demand_more_of_every_measure() -> None:
    """From archive to economy each measure demands less."""
    floors = [tuple(PRESETS[name].model_dump(exclude_none=True).values()) for name in PRESETS]
    assert [each.ssimulacra2 for each in PRESETS.values()] == [90.0, 80.0, 70.0, 55.0]
    for stricter, looser in itertools.pairwise(floors):
        assert all(a > b for a, b in zip(stricter, looser, strict=True))


@pytest.mark.parametrize("floor", [{}, {"text": None}, {"ssimulacra2": 71}])
def test_a_fidelity_and_another_floor_contradict(floor: dict[str, Any]) -> None:
    """A floor beside a fidelity is refused where it is another one, and the error says so."""
    expected = "differs from fidelity standard: remove one of the two"
    with pytest.raises(ValidationError, match=expected):
        make(fidelity="standard", floor=floor)


def test_ssimulacra2_joins_the_other_measures() -> None:
    """The score can be demanded beside the defaults, or alone."""
    assert make(floor={"ssimulacra2": 70}).floor == Floor(ssimulacra2=70.0)
    alone = {"psnr_db": None, "ssim": None, "orb": None, "block_psnr_db": None}
    assert make(floor={**alone, "ssimulacra2": 70}).floor.ssimulacra2 == 70


def test_one_measure_can_be_switched_off() -> None:
    """An explicit null switches one measure off and leaves the others."""
    floor = make(floor={"psnr_db": None}).floor
    assert (floor.psnr_db, floor.ssim, floor.orb) == (None, 0.93, 0.65)


def test_legibility_needs_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A floor for text is refused where Tesseract is not installed, and accepted where it is."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValidationError, match="needs tesseract on the PATH"):
        make(floor={"text": 0.95})
    program = tmp_path / "tesseract"
    program.touch(mode=0o755)
    assert make(floor={"text": 0.95}).floor.text == 0.95


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": ""}, "match pattern"),
        ({"name": "a b"}, "match pattern"),
        ({"name": "a" * 65}, "match pattern"),
        ({"name": "a\n"}, "match pattern"),
        ({"name": 5}, "valid string"),
        ({"bucket": ""}, "match pattern"),
        ({"bucket": "a/b"}, "match pattern"),
        ({"bucket": "a" * 129}, "match pattern"),
        ({"prefix": "a" * 1025}, "at most 1024"),
        ({"types": []}, "at least 1"),
        ({"types": ["image/heic"]}, "'image/webp' or 'image/x-portable-anymap'"),
        ({"types": "image/png"}, "valid tuple"),
        ({"mode": "on"}, "'off', 'shadow' or 'optimize'"),
        ({"mode": False}, "'off', 'shadow' or 'optimize'"),
        ({"tiers": []}, "at least 1"),
        ({"tiers": ["plain"]}, "last resort"),
        ({"tiers": ["best"]}, "'downscale', 'exact', 'lossless' or 'recode'"),
        ({"tiers": ["recode", "recode"]}, "twice"),
        ({"scales": []}, "at least one scale"),
        ({"scales": [0]}, "greater than or equal to 2"),
        ({"scales": [1]}, "greater than or equal to 2"),
        ({"scales": [5]}, "less than or equal to 4"),
        ({"scales": [2.0]}, "valid integer"),
        ({"scales": [2, 2]}, "twice"),
        ({"tiers": ["recode"], "scales": [2]}, "need the tier downscale"),
        ({"codecs": ["heic"]}, "'avif', 'jpeg', 'jxl' or 'webp'"),
        ({"codecs": []}, "at least 1"),
        ({"originals": {"keep": "a"}}, "match pattern"),
        ({"originals": {"keep": "photos-archive"}}, "matches this policy"),
        ({"originals": {"storage_class": "DEEP_ARCHIVE"}}, "needs a bucket: set originals.keep"),
        ({"originals": {"keep": "archive", "storage_class": "deep"}}, "match pattern"),
        ({"originals": None}, "valid dictionary"),
        ({"serve": {"negotiate": ["jpeg"]}}, "'avif', 'jxl' or 'webp'"),
        ({"serve": {"negotiate": ["avif", "avif"]}}, "twice"),
        ({"serve": {"shrunk": True}}, "needs codecs: set serve.negotiate"),
        ({"floor": None}, "valid dictionary"),
        (
            {"floor": {"psnr_db": None, "ssim": None, "orb": None}},
            "at least one of psnr_db, ssim, orb and ssimulacra2",
        ),
        ({"floor": {"psnr_db": 0}}, "greater than 0"),
        ({"floor": {"psnr_db": 99.5}}, "less than or equal to 99"),
        ({"floor": {"psnr_db": "34"}}, "valid number"),
        ({"floor": {"ssim": 0}}, "greater than 0"),
        ({"floor": {"ssim": 1.01}}, "less than or equal to 1"),
        ({"floor": {"orb": 0}}, "greater than 0"),
        ({"floor": {"orb": float("nan")}}, "finite number"),
        ({"floor": {"block_psnr_db": 100}}, "less than or equal to 99"),
        ({"floor": {"text": 1.5}}, "less than or equal to 1"),
        ({"protect": ["cat"]}, "'photo', 'document', 'screenshot', 'chart' or 'illustration'"),
        ({"protect": ["chart", "chart"]}, "twice"),
        ({"protect": None}, "valid tuple"),
        ({"fidelity": "standard", "guards": ["photo"]}, "'map', 'medical' or 'screenshot'"),
        ({"fidelity": "standard", "guards": ["map", "map"]}, "twice"),
        ({"fidelity": "standard", "guards": "on"}, "valid tuple"),
        ({"fidelity": "standard", "guards": False}, "valid tuple"),
        ({"protect_with": "plain"}, "'recode' or 'lossless'"),
        ({"exact_codec": "webp"}, "'jxl' or 'lepton'"),
        ({"min_saving": 1}, "less than 1"),
        ({"min_saving": -0.1}, "greater than or equal to 0"),
        ({"effort": "slow"}, "'fast', 'balanced' or 'best'"),
        ({"limits": {"max_bytes": 0}}, "greater than or equal to 1"),
        ({"limits": {"max_bytes": "2GiB"}}, "less than or equal to"),
        ({"limits": {"max_bytes": "10MP"}}, "whole number of bytes"),
        ({"limits": {"max_pixels": "10MiB"}}, "whole number of pixels"),
        ({"limits": {"max_pixels": "1001MP"}}, "less than or equal to"),
        ({"limits": {"timeout_s": 0}}, "greater than 0"),
        ({"limits": {"timeout_s": 601}}, "less than or equal to 600"),
        ({"limits": {"timeout_s": True}}, "valid number"),
        ({"tier": ["recode"]}, "Extra inputs"),
    ],
)
def test_bad_policies_are_refused(change: dict[str, Any], reason: str) -> None:
    """A value outside its bounds, of a later version or in contradiction is refused."""
    with pytest.raises(ValidationError, match=re.escape(reason)):
        make(**change)


@pytest.mark.parametrize("key", ["name", "bucket", "mode"])
def test_three_keys_are_required(key: str) -> None:
    """A policy without name, bucket or mode is refused."""
    document = policy()
    del document[key]
    with pytest.raises(ValidationError, match="Field required"):
        Policy.model_validate(document)


def test_unknown_restorers_are_refused_where_the_known_ones_are_given() -> None:
    """With a list of restorers a policy names one of them, also by default."""
    context = {"known_restorers": frozenset({"lanczos", "other"})}
    Policy.model_validate(policy(restorer="lanczos"), context=context)
    for document in (policy(restorer="real-esrgan"), policy()):
        with pytest.raises(ValidationError, match="unknown restorer; choose one of lanczos, other"):
            Policy.model_validate(document, context=context)


def test_scales_are_empty_without_the_tier_downscale() -> None:
    """The effective scales of a policy that does not shrink are none."""
    assert make(tiers=["recode"]).scales == ()


def test_a_policy_cannot_change() -> None:
    """Assigning to a field raises, and its lists are tuples."""
    made = make()
    with pytest.raises(ValidationError, match="frozen"):
        made.mode = "off"  # type: ignore[misc]  # the very thing that must fail
    assert isinstance(made.tiers, tuple)


def test_a_policy_travels_to_other_processes() -> None:
    """A pickled policy is equal and has the same digest."""
    made = make(floor={"orb": 0.5})
    copy = pickle.loads(pickle.dumps(made))  # noqa: S301  # our own bytes
    assert (made, made.digest) == (copy, copy.digest)


def test_the_digest_is_fixed() -> None:
    """Renditions name the digest for years, so the same policy always has the same one."""
    canonical = (
        '{"bucket":"photos-*","codecs":["avif","jpeg","jxl","webp"],"effort":"balanced",'
        '"floor":{"block_psnr_db":28.0,"orb":0.65,"psnr_db":34.0,"ssim":0.93,"text":null},'
        '"limits":{"max_bytes":67108864,"max_pixels":200000000,"timeout_s":20.0},'
        '"min_saving":0.15,"mode":"optimize","name":"photos","prefix":"",'
        '"protect":["chart","document","screenshot"],"protect_with":"recode","restorer":"native",'
        '"scales":[2,3,4],"tiers":["downscale","exact","lossless","recode"],'
        '"types":["image/bmp","image/gif","image/jpeg","image/png","image/tiff",'
        '"image/vnd.adobe.photoshop","image/webp","image/x-portable-anymap"]}'
    )
    assert hashlib.sha256(canonical.encode()).hexdigest()[:12] == make(floor={}).digest
    assert make(floor={}).digest == "324200cdb47b"
    fewer = ["image/jpeg", "image/png", "image/webp"]
    assert make(types=fewer, floor={}).digest == "0f86a388d59f"
    assert make(types=fewer).digest == "9bce519779ff"
    assert make(types=fewer, guards="off").digest == "ced8be909ef2"


def test_when_an_image_is_optimized_changes_no_digest() -> None:
    """A rendition is the same, whether it was found at once or later."""
    assert make(when="deferred").digest == make().digest


@pytest.mark.parametrize(
    ("change", "in_background"),
    [
        ({}, False),
        ({"when": "deferred"}, True),
        ({"mode": "shadow"}, True),
        ({"mode": "off", "when": "deferred"}, False),
    ],
)
def test_what_is_optimized_in_the_background(change: dict[str, str], in_background: bool) -> None:
    """No upload waits for a shadow policy, or for one that says so."""
    assert make(**change).in_background == in_background


def test_the_digest_is_that_of_the_effective_policy() -> None:
    """Written-out defaults, order of lists and spelling of numbers do not change the digest."""
    same = make(
        types=[*reversed(TYPES)],
        tiers=["recode", "lossless", "exact", "downscale"],
        floor={"psnr_db": 34},
        limits={"max_bytes": 67108864, "max_pixels": "200MP"},
    )
    assert same.digest == make(floor={}).digest
    assert same == make(floor={})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"prefix": "a"},
        {"mode": "shadow"},
        {"tiers": ["downscale"]},
        {"scales": [2]},
        {"floor": {"ssim": None}},
        {"min_saving": 0.2},
        {"limits": {"timeout_s": 21}},
        {"floor": {"block_psnr_db": 27}},
        {"floor": {"ssimulacra2": 70}},
        {"floor": {"ssimulacra2_worst": 50}},
        {"fidelity": None},
        {"fidelity": "high"},
        {"guards": "off"},
        {"guards": ["map"]},
        {"protect": []},
        {"protect_with": "lossless"},
        {"exact_codec": "lepton"},
        {"originals": {"keep": "archive"}},
        {"serve": {"negotiate": ["avif"]}},
    ],
)
def test_every_change_changes_the_digest(
    change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that differs in any setting has another digest."""
    monkeypatch.setattr("slimgate.config.policy.find_spec", lambda name: name)  # wherever that runs
    assert make().digest != make(**change).digest


def test_lepton_needs_its_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choosing a codec for a tier that is not tried is a contradiction."""
    monkeypatch.setattr("slimgate.config.policy.find_spec", lambda name: name)
    with pytest.raises(ValidationError, match="lepton needs the tier exact"):
        make(exact_codec="lepton", tiers=["recode"])


def test_lepton_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the policy is refused, and the error says what to install."""
    monkeypatch.setattr("slimgate.config.policy.find_spec", lambda name: None)
    assert make().exact_codec == "jxl"
    with pytest.raises(ValidationError, match=r"pip install 'slimgate\[lepton\]'"):
        make(exact_codec="lepton")


def test_originals_may_lie_beside_what_a_policy_is_for() -> None:
    """Originals are kept in a bucket that the policy names, as long as the prefixes differ."""
    made = make(prefix="uploads/", originals={"keep": "photos-a", "storage_class": "GLACIER"})
    assert (made.originals.keep, made.originals.prefix) == ("photos-a", "slimgate/")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@steady
@given(st.sampled_from(sorted(Policy.model_fields)), _JSON)
def test_any_value_is_accepted_or_refused(key: str, value: Any) -> None:
    """No value of any type raises anything but a validation error."""
    try:
        made = make(**{key: value})
    except ValidationError:
        return
    assert made == Policy.model_validate(made.model_dump())
