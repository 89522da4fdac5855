"""Format figures and untrusted text: the filters of the page's templates."""

from typing import Final

from slimgate.eval.compare.intervals import Estimate
from slimgate.eval.cost.money import Money

NAME_LIMIT: Final = 120
"""Maximum length of a displayed name; longer ones are cut in the middle."""

_SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_NARROW: Final = "\N{NO-BREAK SPACE}"


def capital(words: str) -> str:
    """Return words with a capital first letter."""
    return words[:1].upper() + words[1:]


def text(value: object, limit: int = NAME_LIMIT) -> str:
    """Return untrusted text, such as a file name, for display.

    Invisible and direction-changing characters, and surrogates of undecodable bytes, become their
    code points.
    """
    seen = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in str(value))
    if len(seen) <= limit:
        return seen
    return f"{seen[: limit // 2]}…{seen[-(limit - limit // 2 - 1) :]}"


def count(value: float) -> str:
    """Return a whole number with thousands separators."""
    return f"{value:,.0f}"


def size(value: float) -> str:
    """Return bytes in the unit with one to three digits before the point."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.95:
            return f"{value:,.0f}{_NARROW}{unit}" if unit == "B" else f"{value:,.1f}{_NARROW}{unit}"
        value /= 1000
    return f"{value:,.1f}{_NARROW}TB"


def percent(value: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return f"{100 * value:.{digits}f}{_NARROW}%"


def number(value: float | None, digits: int = 2) -> str:
    """Return a measure, or a dash for None."""
    return "–" if value is None else f"{value:,.{digits}f}"


def span(value: Estimate | None, digits: int = 1, factor: float = 1.0) -> str:
    """Return a confidence interval."""
    if value is None:
        return ""
    return f"{factor * value.low:,.{digits}f}–{factor * value.high:,.{digits}f}"


def amount(value: float, currency: str, among: float | None = None) -> str:
    """Return an amount of money: in whole units from 1,000, else with two decimals.

    Args:
        value: amount.
        currency: ISO 4217 code.
        among: largest amount of the column, which decides the format; None: `value`.
    """
    digits = 0 if max(abs(value), among or 0.0) >= 1000 else 2
    sign = "−" if round(value, digits) < 0 else ""
    return f"{sign}{symbol(currency)}{abs(value):,.{digits}f}"


def pays(found: Money) -> str:
    """Return for which numbers of reads the gateway pays for itself."""
    if found.break_even is None:
        always = found.pays == "always"
        return "at any number of reads" if always else "not under these assumptions"
    return f"{found.pays} {found.break_even:,.1f} reads per object and month"


def symbol(currency: str) -> str:
    """Return the symbol before an amount."""
    return _SYMBOLS.get(currency, currency + _NARROW)
