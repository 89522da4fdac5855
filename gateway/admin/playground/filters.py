"""Numbers and reasons in words for people."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB", "PB")

_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "floor": "Nothing that was tried is both smaller by min_saving and at or above the floor. "
        "The table shows by how much: a lower floor, a smaller min_saving, more tiers or "
        "effort: best may help. Small files that are compressed already seldom get smaller.",
        "type": "The policy does not name this type of file, or it is no JPEG, PNG or WebP at all: "
        "the first bytes count, not the name.",
        "size": "The limits of the policy (limits.max_bytes, limits.max_pixels) leave it out, "
        "or it is too small to gain anything.",
        "timeout": "It took longer than six times limits.timeout_s of the policy: it hangs, or "
        "this machine is very busy.",
        "worker lost": "The process that worked on it was ended: the image may need more than "
        "engine.worker_memory.",
        "memory": "The image needs more than engine.worker_memory.",
        "damaged": "Its pixels cannot be decoded. An upload like this is passed on as it came.",
        "unhandled": "Files with this feature are stored as they came: what cannot be restored "
        "faithfully is not touched.",
    }
)


def size(count: float) -> str:
    """Say bytes in three digits: ``28.4 kB``."""
    value, unit = float(count), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    if unit == 0:
        return f"{value:.0f} {_UNITS[0]}"
    digits = max(0, 2 - (abs(value) >= 9.995) - (abs(value) >= 99.95))
    return f"{value:.{digits}f} {_UNITS[unit]}"


def exact(count: int) -> str:
    """Say a whole number with its thousands apart."""
    return f"{count:,}"


def percent(share: float) -> str:
    """Say a share of 1: ``93.2 %``."""
    return f"{100 * share:.1f} %"


def dollars(amount: float) -> str:
    """Say money, with the digits that small sums need."""
    if 0 < amount < 0.0001:
        return "less than $0.0001"
    return f"${amount:,.4f}" if 0 < amount < 0.01 else f"${amount:,.2f}"


def hint(reason_class: str) -> str:
    """Say what to make of a reason; its class is that of the metrics."""
    return _HINTS.get(reason_class, _HINTS["unhandled"])


FILTERS: Final[Mapping[str, Callable[..., str]]] = MappingProxyType(
    {"size": size, "exact": exact, "percent": percent, "dollars": dollars}
)
