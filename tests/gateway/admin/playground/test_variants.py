import pytest

from slimgate.config import Policy
from slimgate.config.floor import PRESETS
from slimgate.gateway.admin.playground.forms import RequestRefused
from slimgate.gateway.admin.playground.variants import OWN, as_yaml, varied

NAMED = Policy(name="photos", bucket="*", mode="shadow", effort="fast")
NUMBERS = Policy.model_validate(
    {"name": "own", "bucket": "*", "mode": "optimize", "floor": {"psnr_db": 40}}
)


@pytest.mark.parametrize("policy", [NAMED, NUMBERS])
def test_a_fidelity_replaces_the_floor(policy: Policy) -> None:
    """Whatever the policy demanded, the variant demands what the fidelity says alone."""
    made = varied(policy, "economy", ["recode", "downscale"])
    assert (made.floor, made.tiers) == (PRESETS["economy"], ("downscale", "recode"))
    assert (made.name, made.effort) == (policy.name, policy.effort)


def test_a_floor_in_numbers_can_be_kept() -> None:
    """With the floor of the policy only its tiers change."""
    made = varied(NUMBERS, OWN, ["recode"])
    assert (made.floor, made.tiers, made.scales) == (NUMBERS.floor, ("recode",), ())


@pytest.mark.parametrize(
    ("fidelity", "tiers"), [("best", ["recode"]), ("high", []), ("high", ["x"])]
)
def test_what_does_not_exist_is_refused(fidelity: str, tiers: list[str]) -> None:
    """Forms that the page does not send are refused with a reason."""
    with pytest.raises(RequestRefused, match="choose a fidelity"):
        varied(NAMED, fidelity, tiers)


def test_policies_are_copied_without_credentials() -> None:
    """What is copied has what the policy states, and loads as the same policy."""
    secret = {"access_key": "AKIA", "secret_key": "not to be copied"}
    policy = Policy.model_validate({**NAMED.model_dump(exclude_unset=True), "upstream": secret})
    text = as_yaml(policy)
    assert "not to be copied" not in text
    assert text.splitlines()[:2] == ["policies:", "- name: photos"]
