"""Money for the images of a study: sizes and computing as measured, the rest as is usual."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from eval.compare.rows import Row, Study
from eval.cost import money
from eval.cost.money import Assumptions, Basis, Money
from eval.cost.money_prices import Prices


@dataclass(frozen=True, slots=True)
class Budget:
    """What a bucket of images like the measured ones costs.

    Attributes:
        price_list: Whose prices.
        date: When they held.
        currency: ISO 4217 code.
        assumed: Under which assumptions.
        result: Costs, and when the gateway pays.
    """

    price_list: str
    date: datetime.date
    currency: str
    assumed: Assumptions
    result: Money


def images(study: Study) -> list[Row]:
    """Give the policy's rows that money is worked out of."""
    return [row for row in study.of() if row.measured and row.uploaded and row.stored]


def basis(rows: Sequence[Row], prices: Prices) -> Basis:
    """Work out what each storage class bills for images of a study.

    Raises:
        ValueError: There are none.
    """
    return money.basis([(row.uploaded, row.stored) for row in rows], prices)


def assumptions(rows: Sequence[Row], prices: Prices) -> Assumptions:
    """Assume what is usual, and computing as it was measured.

    Args:
        rows: Of the policy, at least one.
        prices: The price list.
    """
    return Assumptions(
        storage_class=prices.classes[0].name,
        put_core_s=_mean([row.put_cpu_s for row in rows]),
        get_core_s=_mean([row.get_cpu_s for row in rows]),
        core_hour=prices.compute.core_hour,
        gpu_hour=prices.compute.gpu_hour,
    )


def budget(study: Study, prices: Prices) -> Budget | None:
    """Work out money under the usual assumptions; None where nothing was measured."""
    rows = images(study)
    if not rows:
        return None
    assumed = assumptions(rows, prices)
    result = money.calculate(basis(rows, prices), assumed)
    return Budget(prices.name, prices.date, prices.currency, assumed, result)


def _mean(values: Sequence[float | None]) -> float:
    """Average times; what was stored as uploaded took none to restore."""
    return round(sum(value or 0.0 for value in values) / len(values), 3)
