"""Costs for the images of a study: measured sizes and compute, default assumptions otherwise."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from slimgate.eval.compare.rows import Row, Study
from slimgate.eval.cost import money
from slimgate.eval.cost.money import Assumptions, Basis, Money
from slimgate.eval.cost.money_prices import Prices


@dataclass(frozen=True, slots=True)
class Budget:
    """Costs of a bucket of images like the measured ones.

    Attributes:
        price_list: name of the price list.
        date: date of the prices.
        currency: ISO 4217 code.
        assumed: assumptions.
        result: costs and break-even point.
    """

    price_list: str
    date: datetime.date
    currency: str
    assumed: Assumptions
    result: Money


def images(study: Study) -> list[Row]:
    """Return the policy's rows that costs are calculated from."""
    return [row for row in study.of() if row.measured and row.uploaded and row.stored]


def basis(rows: Sequence[Row], prices: Prices) -> Basis:
    """Return what each storage class bills for the images of a study.

    Raises:
        ValueError: no images.
    """
    return money.basis([(row.uploaded, row.stored) for row in rows], prices)


def assumptions(rows: Sequence[Row], prices: Prices) -> Assumptions:
    """Return default assumptions with measured compute times.

    Args:
        rows: rows of the policy; at least one.
        prices: price list.
    """
    return Assumptions(
        storage_class=prices.classes[0].name,
        put_core_s=_mean([row.put_cpu_s for row in rows]),
        get_core_s=_mean([row.get_cpu_s for row in rows]),
        core_hour=prices.compute.core_hour,
        gpu_hour=prices.compute.gpu_hour,
    )


def budget(study: Study, prices: Prices) -> Budget | None:
    """Return costs under default assumptions; None without measurements."""
    rows = images(study)
    if not rows:
        return None
    assumed = assumptions(rows, prices)
    result = money.calculate(basis(rows, prices), assumed)
    return Budget(prices.name, prices.date, prices.currency, assumed, result)


def _mean(values: Sequence[float | None]) -> float:
    """Return the mean time; images stored as uploaded take none to restore."""
    return round(sum(value or 0.0 for value in values) / len(values), 3)
