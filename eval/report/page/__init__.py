"""The report as one page: a file that works offline, on any screen and in print."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from slimgate.eval.compare import bare_codec, intervals
from slimgate.eval.compare.rows import Crop, Study
from slimgate.eval.cost import money_measured
from slimgate.eval.cost.money import Assumptions
from slimgate.eval.cost.money_prices import Prices
from slimgate.eval.report.page import (
    bytes_view,
    curves_view,
    money_view,
    points,
    rendering,
    view,
    worst_view,
)
from slimgate.eval.report.page.crops import within_bounds

NAME: Final = "report.html"
"""File name of the page."""


def write(
    study: Study,
    exhibits: Sequence[Crop],
    folder: Path,
    prices: Prices,
    assumed: Assumptions | None = None,
) -> Path:
    """Write the page.

    Its size is bounded for any study: 24 crops and 12 MiB of images, 6,000 points in 24 plots,
    bars and curves of 24 classes, 100 classes in tables, 50 problems, 120 characters of a name. The
    page says what it omits.

    Args:
        study: study to show.
        exhibits: crops to show, in any order.
        folder: destination of ``report.html``, replaced atomically.
        prices: price list.
        assumed: assumptions about the bucket; None: 100 TB and measured compute times.

    Returns:
        The path of the page.

    Raises:
        LookupError: a storage class is missing in the price list.
        OSError: the page cannot be written.
    """
    path = folder / NAME
    draft = folder / f"{NAME}.part"
    draft.write_text(rendering.render(_context(study, exhibits, prices, assumed)), "utf-8")
    draft.replace(path)
    return path


def _context(
    study: Study, exhibits: Sequence[Crop], prices: Prices, assumed: Assumptions | None
) -> dict[str, Any]:
    measured = money_measured.images(study)
    shown = within_bounds(exhibits)
    figures = view.view(study)
    policy = [row for row in study.of() if row.measured]
    return {
        "study": study,
        "avif": bare_codec.against_avif(study),
        "view": figures,
        "bytes": bytes_view.view(policy),
        "lowest": worst_view.lowest(policy),
        "curves": curves_view.view(study),
        "plots": points.plots(study),
        "exhibits": shown,
        "pieces": {each.row.image: number for number, each in enumerate(shown, 1)},
        "left_out": len(exhibits) - len(shown),
        "money": money_view.view(measured, prices, assumed) if measured and figures else None,
        "resamples": intervals.RESAMPLES,
        "how": view.title,
        "least": view.least,
    }
