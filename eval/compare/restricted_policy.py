"""Policies restricted to some tiers, for comparing what each of them stores."""

from collections.abc import Mapping
from typing import Any

from slimgate.config import Policy


def restricted(settings: Mapping[str, Any], **changes: Any) -> Policy:
    """Return a policy with changed settings.

    Args:
        settings: settings of the policy, tiers included.
        changes: new values; without the tier exact, its codec has no meaning and is left out.
    """
    changed = {**settings, **changes}
    if "exact" not in changed["tiers"]:
        changed.pop("exact_codec", None)
    return Policy.model_validate(changed)
