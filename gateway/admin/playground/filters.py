"""Template filters: numbers and reasons in words."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """Return a byte count in three digits: ``28.4 kB``."""
    value, unit = float(count), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    if unit == 0:
        return f"{value:.0f} {_UNITS[0]}"
    digits = max(0, 2 - (abs(value) >= 9.995) - (abs(value) >= 99.95))
    return f"{value:.{digits}f} {_UNITS[unit]}"


def exact(count: int) -> str:
    """Return an integer with thousands separators."""
    return f"{count:,}"


def percent(share: float) -> str:
    """Return a share of 1 as a percentage: ``93.2 %``."""
    return f"{100 * share:.1f} %"


def dollars(amount: float) -> str:
    """Return an amount of money, with more digits for small sums."""
    if 0 < amount < 0.0001:
        return "less than $0.0001"
    return f"${amount:,.4f}" if 0 < amount < 0.01 else f"${amount:,.2f}"


FILTERS: Final[Mapping[str, Callable[..., str]]] = MappingProxyType(
    {"size": size, "exact": exact, "percent": percent, "dollars": dollars}
)
