"""The money section: what readers may change, and the data that its script calculates with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from eval.compare.rows import Row
from eval.cost import money, money_measured
from eval.cost.money import Assumptions, Basis, Money
from eval.cost.money_prices import Prices
from eval.report.page import shown

_BASIS: Final = TypeAdapter(Basis)


@dataclass(frozen=True, slots=True)
class Field:
    """One number that readers may change.

    Attributes:
        name: Of the assumption.
        label: What readers see.
        unit: What stands behind the number.
        factor: How many of the shown units are one of the assumption's.
        most: Largest number, in the shown unit.
    """

    name: str
    label: str
    unit: str = ""
    factor: int = 1
    most: float = 1e6


FIELDS: Final = (
    Field("terabytes", "Size of the bucket, as uploaded", "TB"),
    Field("reads", "Reads of an object", "per month"),
    Field("cache_hits", "Reads answered from the gateway's cache", "%", 100, 100),
    Field("uploads", "Objects that are new each month", "%", 100, 100),
    Field("put_core_s", "Processor time of storing an object", "core seconds"),
    Field("get_core_s", "Processor time of restoring an object", "core seconds"),
    Field("core_hour", "Price of a core", "per hour"),
    Field("standing_cores", "Cores that run for the gateway all the time", "cores", 1, 1e5),
    Field("put_gpu_s", "GPU time of storing an object", "seconds"),
    Field("get_gpu_s", "GPU time of restoring an object", "seconds"),
    Field("gpu_hour", "Price of a GPU", "per hour"),
)


@dataclass(frozen=True, slots=True)
class MoneyView:
    """Everything that the section shows.

    Attributes:
        prices: The price list.
        assumed: What is assumed until a reader changes it.
        result: What comes of it.
        data: The same for the script: ``basis``, ``hours`` and ``symbol``.
    """

    prices: Prices
    assumed: Assumptions
    result: Money
    data: dict[str, Any]

    @property
    def fields(self) -> list[tuple[Field, str]]:
        """Give every number and its value, as it stands in its input."""
        return [
            (field, _plain(getattr(self.assumed, field.name) * field.factor)) for field in FIELDS
        ]


def view(rows: Sequence[Row], prices: Prices, assumed: Assumptions | None = None) -> MoneyView:
    """Work out money for the images of a report.

    Args:
        rows: Of the policy, at least one, all measured.
        prices: The price list.
        assumed: What is assumed; None: what is usual.

    Raises:
        LookupError: A storage class is not in the price list.
    """
    given = money_measured.basis(rows, prices)
    assumed = assumed or money_measured.assumptions(rows, prices)
    data: dict[str, Any] = {"basis": _BASIS.dump_python(given, mode="json"), "hours": money.HOURS}
    data["symbol"] = shown.symbol(prices.currency)
    return MoneyView(prices, assumed, money.calculate(given, assumed), data)


def _plain(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
