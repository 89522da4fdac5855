"""Read the Accept header (RFC 9110, section 12.5.1)."""

import functools
import re
from collections.abc import Mapping
from typing import Final

_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)

_MAX_CHARS: Final = 512
"""Longest header that counts: browsers send a fifth, and parsing takes time."""


def prefers(accept: str, named: str, other: str) -> bool:
    """Return whether a header names a media type, and ranks it no lower than another one.

    Args:
        accept: Value of the header; a very long one names nothing.
        named: Media type that the header must name: wildcards do not count.
        other: Media type that the client would get otherwise; wildcards count.
    """
    if len(accept) > _MAX_CHARS:
        return False
    weights = _weights(accept)
    weight = weights.get(named, 0.0)
    ranges = (other.lower(), f"{other.partition('/')[0].lower()}/*", "*/*")
    return weight > 0 and weight >= next((weights[r] for r in ranges if r in weights), 0.0)


@functools.lru_cache(maxsize=1024)
def _weights(accept: str) -> Mapping[str, float]:
    """Return the weights of media ranges; the lowest one if a range is repeated.

    Ranges with parameters, and with weights that are invalid, are left out.
    """
    found: dict[str, float] = {}
    for entry in accept.split(","):
        name, *parameters = (part.strip(" \t") for part in entry.lower().split(";"))
        weight = _weight(parameters)
        if weight is not None:
            found[name] = min(weight, found.get(name, 1.0))
    return found


def _weight(parameters: list[str]) -> float | None:
    if not parameters:
        return 1.0
    told = _WEIGHT.fullmatch(parameters[0]) if len(parameters) == 1 else None
    return None if told is None else float(told[1])
