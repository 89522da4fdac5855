"""Policies like a given one with another fidelity or other tiers, and policies as YAML."""

from collections.abc import Collection
from typing import Any, Final, get_args

import yaml
from pydantic import ValidationError

from slimgate.codec.search.omissions import TIERS
from slimgate.config import Policy
from slimgate.config.floor import Fidelity
from slimgate.gateway.admin.playground.forms import RequestRefused

FIDELITIES: Final[tuple[str, ...]] = get_args(Fidelity)

OWN: Final = "own"
"""Stands for the floor that a policy states in numbers."""

_PRIVATE: Final = {"upstream", "originals"}
"""Settings that change no rendition, and may hold credentials."""


def varied(policy: Policy, fidelity: str, tiers: Collection[str]) -> Policy:
    """Return a policy with another fidelity and other tiers.

    Args:
        policy: The policy.
        fidelity: One of ``FIDELITIES``, or ``OWN``.
        tiers: Tiers to try.

    Raises:
        RequestRefused: There is no such policy.
    """
    if fidelity not in (*FIDELITIES, OWN) or not tiers or not set(tiers) <= set(TIERS):
        raise RequestRefused(400, "choose a fidelity and at least one tier")
    settings = policy.model_dump(exclude_unset=True, exclude={*_PRIVATE, "scales"})
    settings["tiers"] = [tier for tier in TIERS if tier in tiers]
    if "downscale" in tiers and policy.scales:
        settings["scales"] = policy.scales
    if "exact" not in tiers:
        settings.pop("exact_codec", None)
    if fidelity != OWN:
        settings.pop("floor", None)
        settings["fidelity"] = fidelity
    try:
        return Policy.model_validate(settings)
    except ValidationError as error:
        raise RequestRefused(400, f"no such policy: {error.errors()[0]['msg']}") from error


def as_yaml(policy: Policy) -> str:
    """Return what a policy states, for a configuration file, without credentials."""
    settings: dict[str, Any] = policy.model_dump(
        mode="json", exclude_unset=True, exclude=_PRIVATE, exclude_none=True
    )
    text: str = yaml.safe_dump({"policies": [settings]}, sort_keys=False, allow_unicode=True)
    return text
