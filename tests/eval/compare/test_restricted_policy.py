"""Policies restricted to tiers."""

import pytest

from slimgate.eval.compare.restricted_policy import restricted
from tests.config.builders import policy as settings_of


@pytest.mark.parametrize(
    ("tiers", "codec"), [(("recode",), "jxl"), (("exact", "recode"), "lepton")]
)
def test_the_codec_of_a_tier_goes_with_it(
    monkeypatch: pytest.MonkeyPatch, tiers: tuple[str, ...], codec: str
) -> None:
    """Other strategies can be compared under a policy that chooses Lepton."""
    monkeypatch.setattr("slimgate.config.policy.find_spec", lambda name: name)
    policy = restricted(settings_of(exact_codec="lepton", tiers=["exact"]), tiers=tiers)
    assert (policy.tiers, policy.exact_codec) == (tiers, codec)
