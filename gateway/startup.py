"""What is looked at before a gateway serves."""

import models
from config import Policy, Settings


def networks(settings: Settings) -> set[str]:
    """Name the networks that policies ask for: they have to run from the start."""
    hashes = {
        content_hash
        for policy in settings.policies
        for scale, content_hash in models.chosen(policy.restorer).items()
        if scale in _scales(policy)
    }
    return {content_hash for content_hash in hashes if models.hashed(content_hash).is_network}


def _scales(policy: Policy) -> set[int]:
    """Give the scales at which a policy may ask for its restorer; 1: at full size."""
    if policy.mode == "off":
        return set()
    shrunk = set(policy.scales) if "downscale" in policy.tiers else set()
    return shrunk | ({1} if "recode" in policy.tiers else set())
