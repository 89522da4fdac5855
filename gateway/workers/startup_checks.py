"""What is looked at when a gateway starts.

A configuration that is not valid and a restorer that cannot run keep it from starting. A store that
does not answer does not: it may come later, or come back, and load balancers are told meanwhile
that this gateway is not ready. Neither do objects that restore to other bytes than they did.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final, get_args

import structlog

import models
from codec.golden import Outcome, objects
from config import Policy, Settings
from gateway.telemetry import metrics

_log = structlog.get_logger(__name__)

_STORE_TIMEOUT_S: Final = 2.0

_MEANINGS: Final = {
    "changed": "an encoder has changed: stored objects like these are served under other ETags",
    "failed": "a decoder has changed: stored objects like these cannot be restored with it",
}


def required_networks(settings: Settings) -> set[str]:
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


async def log_startup_checks(not_ready_reason: Callable[[], Awaitable[str | None]]) -> None:
    """Log what an operator should know of, and count it where it lasts.

    Args:
        not_ready_reason: Gives what keeps the gateway from serving, if anything does.
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
            _log.error("restored otherwise", objects=found[outcome], meaning=_MEANINGS[outcome])
    if reason is None and len(found["same"]) == sum(map(len, found.values())):
        _log.info("checked", golden_objects=len(found["same"]))


def golden() -> defaultdict[Outcome, list[str]]:
    """Restore what was stored by an earlier version, and sort it by what came of it."""
    found = defaultdict[Outcome, list[str]](list)
    for each in objects():
        found[each.outcome(models.restorer)].append(each.name)
    return found
