"""Monthly costs of a bucket now and with the gateway, and the break-even point.

All costs are linear in the measurements: the bucket is assumed to hold images like the measured
ones, and to keep its size. Monthly costs:

now
    storage of the uploads; per read a GET and the class's retrieval; per upload a PUT.
then
    storage of the renditions, and of the originals where kept; per read a HEAD (the gateway asks
    the bucket each time whether the reader has access), and a GET with retrieval unless the
    restored file is cached; per upload a PUT; compute per upload and per uncached read; cores that
    are always on for the gateway.

Traffic to readers is the same in both and omitted, as is traffic within a region, free at AWS.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from slimgate.config.base import Frozen
from slimgate.eval.cost import money_formulas
from slimgate.eval.cost.formula import Value, evaluate
from slimgate.eval.cost.money_basis import Basis, basis
from slimgate.eval.cost.money_formulas import PARTS
from slimgate.eval.cost.money_prices import Amount, Name

_Seconds = Annotated[float, Field(ge=0, le=1e6)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Assumptions(Frozen):
    """Inputs that cannot be measured; readers can change all of them on the page.

    Attributes:
        terabytes: size of the uploads in the bucket, TB as the store counts them.
        storage_class: storage class of uploads and renditions.
        reads: mean reads per object and month.
        cache_hits: share of reads served from the gateway's cache.
        uploads: share of objects replaced per month.
        put_core_s: core-seconds to store an object.
        get_core_s: core-seconds to restore an object.
        put_gpu_s: GPU-seconds to store an object.
        get_gpu_s: GPU-seconds to restore an object.
        core_hour: price of a core per hour.
        gpu_hour: price of a GPU per hour.
        standing_cores: cores that are always on for the gateway, in addition to the work of uploads
            and reads.
        originals_class: storage class of originals; None: none are kept.
    """

    terabytes: Annotated[float, Field(gt=0, le=1e6)] = 100.0
    storage_class: Name
    reads: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    cache_hits: _Share = 0.0
    uploads: _Share = 0.03
    put_core_s: _Seconds
    get_core_s: _Seconds
    put_gpu_s: _Seconds = 0.0
    get_gpu_s: _Seconds = 0.0
    core_hour: Amount
    gpu_hour: Amount
    standing_cores: Annotated[float, Field(ge=0, le=1e5)] = 2.0
    originals_class: Name | None = None


_Derived = Annotated[float, Field(exclude=True)]
"""A figure that follows from others, and is omitted from summaries."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Monthly costs by purpose, in the currency of the price list."""

    storage: float
    originals: float
    requests: float
    retrieval: float
    compute: float
    standing: float
    total: _Derived


Pays = Literal["always", "below", "above", "never"]


@dataclass(frozen=True, slots=True)
class Money:
    """Result of the calculation.

    Attributes:
        now: monthly costs without the gateway.
        then: monthly costs with the gateway.
        terabytes: size of the uploads in the bucket, TB.
        objects: number of objects.
        pays: numbers of reads for which the gateway saves money: all, those below or above
            ``break_even``, or none.
        break_even: reads per object and month with equal costs; None: none.
        backfill: one-off cost of converting the objects already in the bucket.
        payback_months: months until savings cover the backfill; None: never.
        smallest_tb: approximate bucket size at which savings cover the standing cores, TB; None:
            none.
        saved: monthly saving; negative if the gateway costs more.
        now_per_tb: monthly costs without the gateway, per TB uploaded.
        then_per_tb: monthly costs with the gateway, per TB uploaded.
    """

    now: Costs
    then: Costs
    terabytes: float
    objects: float
    pays: Pays
    break_even: float | None
    backfill: float
    payback_months: float | None
    smallest_tb: float | None
    saved: _Derived
    now_per_tb: _Derived
    then_per_tb: _Derived


def figures(given: Basis, assumed: Assumptions) -> dict[str, Value]:
    """Calculate every figure, under the names of :func:`slimgate.eval.cost.money_formulas.figures`.

    Raises:
        LookupError: a storage class is missing in the price list.
    """
    for name in (assumed.storage_class, assumed.originals_class):
        if name is not None and name not in given.places:
            known = ", ".join(given.places)
            raise LookupError(
                f"the price list has no storage class {name!r}; choose one of {known}"
            )
    inputs = assumed.model_dump(exclude={"storage_class", "originals_class"})
    kept = money_formulas.originals(given, assumed.originals_class)
    inputs |= {name: evaluate(formula, inputs) for name, formula in kept.items()}
    formulas = money_formulas.figures(given, assumed.storage_class)
    return {name: evaluate(formula, inputs) for name, formula in formulas.items()}


def calculate(given: Basis, assumed: Assumptions) -> Money:
    """Calculate costs and the break-even point.

    Raises:
        LookupError: a storage class is missing in the price list.
    """
    found = figures(given, assumed)
    costs = {
        when: {part: found[f"{when}.{part}"] for part in (*PARTS, "total")}
        for when in ("now", "then")
    }
    return _MONEY.validate_python({**found, **costs})


_MONEY: TypeAdapter[Money] = TypeAdapter(Money)

__all__ = [
    "Assumptions",
    "Basis",
    "Costs",
    "Money",
    "Pays",
    "basis",
    "calculate",
    "figures",
]
