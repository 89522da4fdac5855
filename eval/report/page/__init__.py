"""The report as one page: a file that opens offline, on a desk, on a phone and on paper."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from eval.compare import intervals
from eval.compare.rows import Exhibit, Study
from eval.cost import money_measured
from eval.cost.money import Assumptions
from eval.cost.money_prices import Prices
from eval.report.page import money_view, points, rendering, view
from eval.report.page.exhibits import within_bounds

NAME: Final = "report.html"
"""Name of the page in the folder of a run."""


def write(
    study: Study,
    exhibits: Sequence[Exhibit],
    folder: Path,
    prices: Prices,
    assumed: Assumptions | None = None,
) -> Path:
    """Write the page.

    It is bounded whatever the study is: 24 exhibits and 12 MiB of images, 6,000 points in 24
    plots, 100 classes in tables, 50 problems, 120 characters of a name. What is left out is told.

    Args:
        study: What was measured.
        exhibits: What to show of it, in any order.
        folder: Where ``report.html`` goes; an earlier one is replaced at once.
        prices: The price list.
        assumed: What to assume of the bucket; None: 100 TB, and computing as it was measured.

    Returns:
        The path of the page.

    Raises:
        LookupError: A storage class is not in the price list.
        OSError: It cannot be written.
    """
    path = folder / NAME
    draft = folder / f"{NAME}.part"
    draft.write_text(rendering.render(_context(study, exhibits, prices, assumed)), "utf-8")
    draft.replace(path)
    return path


def _context(
    study: Study, exhibits: Sequence[Exhibit], prices: Prices, assumed: Assumptions | None
) -> dict[str, Any]:
    measured = money_measured.images(study)
    shown = within_bounds(exhibits)
    figures = view.view(study)
    return {
        "study": study,
        "view": figures,
        "plots": points.plots(study),
        "exhibits": shown,
        "left_out": len(exhibits) - len(shown),
        "money": money_view.view(measured, prices, assumed) if measured and figures else None,
        "resamples": intervals.RESAMPLES,
        "how": view.title,
        "least": view.least,
    }
