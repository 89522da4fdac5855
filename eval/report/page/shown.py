"""Figures and foreign text as people read them: the filters of the page's templates."""

from typing import Final

from eval.compare.intervals import Estimate
from eval.cost.money import Money

NAME_LIMIT: Final = 120
"""Characters of a name that are shown; the middle of a longer one is left out."""

_SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_NARROW: Final = "\N{NO-BREAK SPACE}"


def capital(words: str) -> str:
    """Begin with a capital letter."""
    return words[:1].upper() + words[1:]


def text(value: object, limit: int = NAME_LIMIT) -> str:
    """Show text that others have written, such as the name of a file.

    What would not be seen, or would turn the text around it, is written as its code point; so are
    the surrogates that stand for bytes which are no text.
    """
    seen = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in str(value))
    if len(seen) <= limit:
        return seen
    return f"{seen[: limit // 2]}…{seen[-(limit - limit // 2 - 1) :]}"


def count(value: float) -> str:
    """Show a whole number with separators between thousands."""
    return f"{value:,.0f}"


def size(value: float) -> str:
    """Show bytes, in the unit that leaves one to three digits before the point."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.95:
            return f"{value:,.0f}{_NARROW}{unit}" if unit == "B" else f"{value:,.1f}{_NARROW}{unit}"
        value /= 1000
    return f"{value:,.1f}{_NARROW}TB"


def percent(value: float, digits: int = 1) -> str:
    """Show a share."""
    return f"{100 * value:.{digits}f}{_NARROW}%"


def number(value: float | None, digits: int = 2) -> str:
    """Show a measure; a dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def span(value: Estimate | None, digits: int = 1, factor: float = 1.0) -> str:
    """Show a confidence interval."""
    if value is None:
        return ""
    return f"{factor * value.low:,.{digits}f}–{factor * value.high:,.{digits}f}"


def amount(value: float, currency: str, among: float | None = None) -> str:
    """Show money: whole units where amounts reach 1,000, else two decimals.

    Args:
        value: The amount.
        currency: ISO 4217 code.
        among: The largest amount of its column, which decides for all; None: itself.
    """
    digits = 0 if max(abs(value), among or 0.0) >= 1000 else 2
    sign = "−" if round(value, digits) < 0 else ""
    return f"{sign}{symbol(currency)}{abs(value):,.{digits}f}"


def pays(found: Money) -> str:
    """Say when the gateway pays."""
    if found.break_even is None:
        always = found.pays == "always"
        return "however often objects are read" if always else "not under these assumptions"
    return f"{found.pays} {found.break_even:,.1f} reads per object and month"


def symbol(currency: str) -> str:
    """Give what stands before an amount."""
    return _SYMBOLS.get(currency, currency + _NARROW)
