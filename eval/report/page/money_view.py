"""The cost section: the inputs that readers can change, and the data for its script."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from slimgate.eval.compare.rows import Row
from slimgate.eval.cost import money, money_formulas, money_measured
from slimgate.eval.cost.formula import Table
from slimgate.eval.cost.money import Assumptions, Basis, Money
from slimgate.eval.cost.money_prices import Prices
from slimgate.eval.report.page import formatting


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
        data: data for the script: ``symbol`` and what :func:`_data` returns.
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
    data = {**_data(given), "symbol": formatting.symbol(prices.currency)}
    return MoneyView(prices, assumed, money.calculate(given, assumed), data)


def _data(given: Basis) -> dict[str, Any]:
    """Return the cost model for the page's script.

    Returns:
        ``steps`` of a :class:`slimgate.eval.cost.formula.Table`; ``classes``, by storage class the
        index of each figure; ``originals``, by storage class of originals the index of each such
        input.
    """
    table = Table()
    classes = {
        name: {key: table.add(each) for key, each in money_formulas.figures(given, name).items()}
        for name in given.places
    }
    originals = {
        name or "": {
            key: table.add(each) for key, each in money_formulas.originals(given, name).items()
        }
        for name in (None, *given.places)
    }
    return {"steps": table.steps, "classes": classes, "originals": originals}


def _plain(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
