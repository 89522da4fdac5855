"""The least faithful images by several measures, for the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slimgate.eval.compare.comparison import identical
from slimgate.eval.compare.rows import Row
from slimgate.eval.report.page.points import MEASURES, Measure

PLACES: Final = 3
"""Number of images for each measure."""


@dataclass(frozen=True, slots=True)
class Lowest:
    """The lowest values of a measure.

    Attributes:
        measure: which measure.
        found: value and image, the lowest first.
    """

    measure: Measure
    found: Sequence[tuple[float, Row]]


def lowest(rows: Sequence[Row]) -> list[Lowest]:
    """Return the least faithful images by each measure that was measured.

    Args:
        rows: measured rows of the policy; images with identical pixels do not count.
    """
    lossy = [row for row in rows if not identical(row)]
    return [Lowest(each, found) for each in MEASURES if (found := _lowest(lossy, each))]


def _lowest(rows: Sequence[Row], measure: Measure) -> list[tuple[float, Row]]:
    values = [(value, row) for row in rows if (value := getattr(row, measure.name)) is not None]
    return sorted(values, key=lambda pair: (pair[0], pair[1].image))[:PLACES]
