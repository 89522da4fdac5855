"""The cost section: the inputs that readers can change, and the data for its script."""

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
    """One number that readers can change.

    Attributes:
        name: field of the assumptions.
        label: label for readers.
        unit: unit after the number.
        factor: displayed units per unit of the assumption.
        most: maximum, in displayed units.
    """

    name: str
    label: str
    unit: str = ""
    factor: int = 1
    most: float = 1e6


FIELDS: Final = (
    Field("terabytes", "Size of the bucket, as uploaded", "TB"),
    Field("reads", "Reads of an object", "per month"),
    Field("cache_hits", "Reads served from the gateway's cache", "%", 100, 100),
    Field("uploads", "Objects replaced per month", "%", 100, 100),
    Field("put_core_s", "CPU time to store an object", "core seconds"),
    Field("get_core_s", "CPU time to restore an object", "core seconds"),
    Field("core_hour", "Price of a core", "per hour"),
    Field("standing_cores", "Always-on cores of the gateway", "cores", 1, 1e5),
    Field("put_gpu_s", "GPU time to store an object", "seconds"),
    Field("get_gpu_s", "GPU time to restore an object", "seconds"),
    Field("gpu_hour", "Price of a GPU", "per hour"),
)


@dataclass(frozen=True, slots=True)
class MoneyView:
    """Content of the section.

    Attributes:
        prices: price list.
        assumed: initial assumptions.
        result: result under them.
        data: data for the script: ``basis``, ``hours`` and ``symbol``.
    """

    prices: Prices
    assumed: Assumptions
    result: Money
    data: dict[str, Any]

    @property
    def fields(self) -> list[tuple[Field, str]]:
        """Return each field with its value as text."""
        return [
            (field, _plain(getattr(self.assumed, field.name) * field.factor)) for field in FIELDS
        ]


def view(rows: Sequence[Row], prices: Prices, assumed: Assumptions | None = None) -> MoneyView:
    """Return the cost section for the images of a report.

    Args:
        rows: rows of the policy; at least one, all measured.
        prices: price list.
        assumed: assumptions; None: defaults.

    Raises:
        LookupError: a storage class is missing in the price list.
    """
    given = money_measured.basis(rows, prices)
    assumed = assumed or money_measured.assumptions(rows, prices)
    data: dict[str, Any] = {"basis": _BASIS.dump_python(given, mode="json"), "hours": money.HOURS}
    data["symbol"] = shown.symbol(prices.currency)
    return MoneyView(prices, assumed, money.calculate(given, assumed), data)


def _plain(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
