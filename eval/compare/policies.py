"""Which policy a report is about."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import models
from config import Engine, Policies, Policy, load
from eval.corpus.buckets import SCHEME, split

_PLACEHOLDERS: Final = {
    "SLIMGATE_UPSTREAM__ENDPOINT": "http://localhost",
    "SLIMGATE_CREDENTIALS__0__ACCESS_KEY": "report",
    "SLIMGATE_CREDENTIALS__0__SECRET_KEY": "report",
}
"""A file of nothing but policies will do: these are never used."""


class NoPolicy(ValueError):
    """It is not clear which policy; the message says what to name."""


def choose(
    path: Path | None, name: str | None, location: str, changes: Mapping[str, Any]
) -> tuple[Policy, Engine]:
    """Choose the policy, and what runs its restorer.

    Args:
        path: The configuration, or a file with ``policies`` alone; None: one with every default.
        name: Of the policy; None: the one that the corpus' bucket falls under, or the only one.
        location: Of the corpus.
        changes: Settings to change in it.

    Raises:
        ConfigError: The file is wrong.
        NoPolicy: There are several, or none of that name.
    """
    if path is None:
        if name is not None:
            raise NoPolicy("--policy names one of the policies of a file: add --policies FILE")
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
        raise NoPolicy(f"name a policy of {path} with --policy; there are: {names}")
    return found[0]
