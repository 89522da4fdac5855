"""Find the tiers with which a policy saves most, and format the policy as YAML."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import yaml

from slimgate import models
from slimgate.config import Policy
from slimgate.config.document import parse_document
from slimgate.eval.compare.restricted_policy import restricted
from slimgate.eval.compare.rows import Study
from slimgate.eval.compare.strategies import of_family

_TIERS: Final = ("downscale", "exact", "lossless", "recode")
_WORTH: Final = 0.001
"""Share of uploaded bytes that an additional tier must save to be worth its time."""

_REQUIRED: Final = ("name", "bucket", "mode")
_DEPENDENT: Final = ("scales", "floor", "guards")
"""Settings whose default depends on other settings."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A policy and its expected saving.

    Attributes:
        policy: settings that differ from their defaults.
        saved: share of bytes saved if each image uses the smallest rendition of the tiers.
        configured: share of bytes that the policy as configured saved.
    """

    policy: Mapping[str, Any]
    saved: float
    configured: float


def recommend(study: Study) -> Recommendation:
    """Return the smallest set of tiers that saves about as much as any set.

    Other settings, above all the floor, stay as configured. The expected size of an image is the
    smallest that any single tier stored; no set was run, and a search at low effort may miss some.
    """
    sizes, uploaded = _sizes(study)
    totals = {
        tiers: sum(min((each[tier] for tier in tiers), default=0) for each in sizes)
        for count in range(1, len(_TIERS) + 1)
        for tiers in combinations(_TIERS, count)
    }
    limit = min(totals.values()) + _WORTH * uploaded
    best = min(
        (tiers for tiers, total in totals.items() if total <= limit),
        key=lambda tiers: (len(tiers), totals[tiers]),
    )
    scales = study.policy.get("scales") or (2, 3, 4)
    kept = scales if "downscale" in best else ()
    policy = restricted(study.policy, tiers=best, scales=kept)
    stored = sum(row.stored for row in study.of() if row.measured)
    saved = 1 - totals[best] / uploaded if uploaded else 0.0
    configured = 1 - stored / uploaded if uploaded else 0.0
    if set(best) <= set(study.policy.get("tiers") or _TIERS):
        # It tries no more than the policy as configured, and cannot save more at its effort.
        saved = min(saved, configured)
    return Recommendation(_non_defaults(policy), saved, configured)


def as_yaml(found: Recommendation, study: Study) -> str:
    """Return a recommendation as the ``policies`` of a configuration, checked by parsing it.

    Raises:
        ValueError: the YAML does not parse to the recommended policy.
    """
    listed = yaml.safe_dump(
        {"policies": [dict(found.policy)]}, sort_keys=False, allow_unicode=True, width=100
    )
    images = sum(row.measured for row in study.of())
    text = (
        f"# Measured on {images} images on {study.started[:10]}: expected to save "
        f"{found.saved:.1%} of their bytes\n"
        f"# (as configured: {found.configured:.1%}), at effort {study.policy.get('effort')}. Set "
        f"name, bucket and prefix,\n# and start with mode: shadow.\n{listed}"
    )
    (written,) = parse_document(text, "recommended-policy.yaml").value["policies"]
    read = Policy.model_validate(written, context={"known_restorers": models.NAMES})
    if read != Policy.model_validate(dict(found.policy)):
        raise ValueError("the YAML does not parse to the recommended policy")
    return text


def _sizes(study: Study) -> tuple[list[dict[str, int]], int]:
    """Return the bytes of each image by tier, and of all uploads."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    uploaded: dict[str, int] = {}
    for strategy in of_family("tier"):
        for row in study.of(strategy.name):
            if row.measured:
                found[row.image][strategy.name.removeprefix("tier-")] = row.stored
                uploaded[row.image] = row.uploaded
    whole = {name: each for name, each in found.items() if len(each) == len(_TIERS)}
    return list(whole.values()), sum(uploaded[name] for name in whole)


def _non_defaults(policy: Policy) -> dict[str, Any]:
    """Return the settings that differ from their defaults."""
    said = policy.model_dump(mode="json", exclude_defaults=True)
    required = {name: getattr(policy, name) for name in _REQUIRED}
    plain = Policy(**required, tiers=policy.tiers, fidelity=policy.fidelity)
    for name in _DEPENDENT:
        if getattr(policy, name) == getattr(plain, name):
            said.pop(name, None)
    if "floor" in said:
        said.pop("fidelity", None)
    order = (*_REQUIRED, *(name for name in Policy.model_fields if name not in _REQUIRED))
    return {name: said[name] for name in order if name in said}
