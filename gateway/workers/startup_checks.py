"""Checks at the start of a gateway.

An invalid configuration or a restorer that cannot run prevents the start. A store that does not
answer does not: it may come up later, and the readiness probe reports it meanwhile. Golden objects
that restore to other bytes are only reported.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final, get_args

import structlog

from slimgate import models
from slimgate.codec.golden import Outcome, objects
from slimgate.config import Policy, Settings
from slimgate.gateway.telemetry import metrics

_log = structlog.get_logger(__name__)

_STORE_TIMEOUT_S: Final = 2.0

_MEANINGS: Final = {
    "changed": "an encoder has changed: stored objects of these formats get new ETags",
    "failed": "a decoder has changed: stored objects of these formats cannot be restored",
}


def required_networks(settings: Settings) -> set[str]:
    """Return the hashes of the networks that policies need; they have to run from the start."""
    return models.networks(
        content_hash
        for policy in settings.policies
        for scale, content_hash in models.chosen(policy.restorer).items()
        if scale in _scales(policy)
    )


def _scales(policy: Policy) -> set[int]:
    """Return the scales at which a policy uses its restorer; 1: full size."""
    if policy.mode == "off":
        return set()
    shrunk = set(policy.scales) if "downscale" in policy.tiers else set()
    return shrunk | ({1} if "recode" in policy.tiers else set())


async def log_startup_checks(not_ready_reason: Callable[[], Awaitable[str | None]]) -> None:
    """Run the checks, log problems and set their metrics.

    Args:
        not_ready_reason: Returns why the gateway is not ready, or None.
    """
    reason: str | None = f"the store has not answered within {_STORE_TIMEOUT_S:g} s"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STORE_TIMEOUT_S):
            reason = await not_ready_reason()
    if reason is not None:
        _log.warning("not ready", reason=reason)
    found = await asyncio.to_thread(golden)
    for outcome in get_args(Outcome):
        metrics.GOLDEN_OBJECTS.labels(outcome).set(len(found[outcome]))
        if outcome in _MEANINGS and found[outcome]:
            _log.error("golden object mismatch", objects=found[outcome], meaning=_MEANINGS[outcome])
    if reason is None and len(found["same"]) == sum(map(len, found.values())):
        _log.info("startup checks passed", golden_objects=len(found["same"]))


def golden() -> defaultdict[Outcome, list[str]]:
    """Restore the golden objects, and sort their names by outcome."""
    found = defaultdict[Outcome, list[str]](list)
    for each in objects():
        found[each.outcome(models.restorer)].append(each.name)
    return found
