"""Differences that are meant."""

from collections.abc import Mapping


def unexpected(scenario: str, found: Mapping[str, str], *, is_moto: bool) -> dict[str, str]:
    """Leave out what is meant."""
    return dict(found)
