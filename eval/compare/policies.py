"""Choose the policy of a report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from slimgate import models
from slimgate.config import Engine, Policies, Policy, load
from slimgate.eval.corpus.buckets import SCHEME, split

_PLACEHOLDERS: Final = {
    "SLIMGATE_UPSTREAM__ENDPOINT": "http://localhost",
    "SLIMGATE_CREDENTIALS__0__ACCESS_KEY": "report",
    "SLIMGATE_CREDENTIALS__0__SECRET_KEY": "report",
}
"""Required settings, unused here, so that a file may contain policies alone."""


class NoPolicy(ValueError):
    """The choice of a policy is ambiguous; the message says which option to set."""


def choose(
    path: Path | None, name: str | None, location: str, changes: Mapping[str, Any]
) -> tuple[Policy, Engine]:
    """Return the policy, and the engine of its restorer.

    Args:
        path: configuration, or a file with ``policies`` alone; None: a policy with defaults.
        name: name of the policy; None: the one that matches the corpus' bucket, or the only one.
        location: location of the corpus.
        changes: settings to override.

    Raises:
        ConfigError: the file is invalid.
        NoPolicy: several policies match, or none has that name.
    """
    if path is None:
        if name is not None:
            raise NoPolicy("--policy needs a file of policies: add --policies FILE")
        given = {"name": "default", **_place(location), "mode": "optimize"}
        return Policy.model_validate({**given, **changes}), Engine()
    settings = load(path, environ=_PLACEHOLDERS, known_restorers=models.NAMES)
    policy = _named(Policies(settings.policies), name, location, path)
    return Policy.model_validate({**policy.model_dump(), **changes}), settings.engine


def _place(location: str) -> dict[str, str]:
    if not location.startswith(SCHEME):
        return {"bucket": "my-bucket"}
    bucket, prefix = split(location)
    return {"bucket": bucket, "prefix": prefix}


def _named(policies: Policies, name: str | None, location: str, path: Path) -> Policy:
    if name is None and location.startswith(SCHEME):
        own = policies.match(*split(location))
        if own is not None:
            return own
    found = [policy for policy in policies if name in {None, policy.name}]
    if len(found) != 1:
        names = ", ".join(policy.name for policy in policies) or "none"
        raise NoPolicy(f"choose a policy of {path} with --policy: {names}")
    return found[0]
