"""What saved bytes are worth, by the price list that the savings report uses, too."""

from functools import cache
from typing import NamedTuple

from slimgate.eval.cost import money_prices


class Price(NamedTuple):
    """The price of stored bytes.

    Attributes:
        store: Store, region and class.
        currency: ISO 4217 code.
        byte_month: Price of a byte for a month, before discounts for more.
    """

    store: str
    currency: str
    byte_month: float


@cache
def price() -> Price:
    """Return the price of the default class in the default price list.

    Raises:
        ConfigError: The price list cannot be read.
    """
    prices = money_prices.load()
    standard = prices.classes[0]
    per_byte = standard.storage[0].gb_month / prices.gb_bytes
    return Price(f"{prices.name}, {standard.title}", prices.currency, per_byte)


def shown(count: int) -> str:
    """Return what storing a number of bytes costs, for people."""
    found = price()
    return f"{count * found.byte_month:,.2f} {found.currency} a month"


def balance(saved: int) -> str:
    """Return bytes and money saved, or what more is stored and paid, for people."""
    if saved >= 0:
        return f"saved: {saved:,} bytes, {shown(saved)}"
    return f"grown: {-saved:,} bytes, {shown(-saved)} more"
