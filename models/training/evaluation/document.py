"""Write results: a short table into a document, figures, and long tables as CSV."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from slimgate.models.training.errors import NoPlace
from slimgate.models.training.evaluation import plots, tables
from slimgate.models.training.evaluation.contenders import Labels, contenders, reference
from slimgate.models.training.evaluation.plan import Plan
from slimgate.models.training.evaluation.plots import Line
from slimgate.models.training.evaluation.tables import Means, Row

BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"

_NAME: Final = "restorers"


def write(
    folder: Path, means: Means, plan: Plan, labels: Labels, *, counts: Mapping[str, int]
) -> Path:
    """Write all results; other text of the document is kept.

    Args:
        folder: destination of ``restorers.md`` and the folder ``restorers``.
        means: results by class.
        plan: what was measured.
        labels: labels of restorers by scale.
        counts: number of images by class.

    Returns:
        Path of the document.

    Raises:
        NoPlace: the document has no markers.
    """
    document, beside = folder / f"{_NAME}.md", folder / _NAME
    before, after = _around(document)
    beside.mkdir(parents=True, exist_ok=True)
    figures = _figures(beside, means, plan, labels)
    (beside / "points.csv").write_text(_csv(_points(means)), "utf-8")
    (beside / "equal-bytes.csv").write_text(_csv(tables.equal_bytes(means, plan, labels)), "utf-8")
    (beside / "points.json").write_text(_json(means, plan, counts), "utf-8")
    lines = [
        f"Images: {', '.join(f'{name} {count}' for name, count in counts.items())}.",
        "",
        *tables.summary(means, plan, labels),
        *figures,
    ]
    document.write_text("\n".join([f"{before}{BEGIN}", "", *lines, f"{END}{after}"]), "utf-8")
    return document


def _around(document: Path) -> tuple[str, str]:
    """Return the text before and after the tables."""
    if not document.exists():
        return "", "\n"
    text = document.read_text("utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise NoPlace(f"{document} has no markers for tables: add {BEGIN} and {END}")
    return text[: text.index(BEGIN)], text[text.index(END) + len(END) :]


def _figures(beside: Path, means: Means, plan: Plan, labels: Labels) -> list[str]:
    """Draw the figures of all classes, and return their Markdown."""
    shown = []
    for name, points in means.items():
        drawn = [
            Line(each.label, each.curve(points, "psnr_db"), each.curve(points, "ssim"))
            for each in (reference(plan), *contenders(plan, labels))
        ]
        (beside / f"{name}.svg").write_text(plots.draw(name, drawn), "utf-8")
        shown += [f"![{name}: PSNR and SSIM over bits per pixel]({_NAME}/{name}.svg)", ""]
    return shown


def _csv(rows: Iterable[Row]) -> str:
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows(rows)
    return target.getvalue()


def _points(means: Means) -> Iterator[Row]:
    yield "class", "codec", "chroma", "quality", "scale", "restorer", "bpp", "psnr_db", "ssim"
    for name, points in means.items():
        for point in points:
            measured = (f"{point.bits:.5f}", f"{point.psnr_db:.4f}", f"{point.ssim:.6f}")
            yield name, *point.coding, point.restorer, *measured


def _json(means: Means, plan: Plan, counts: Mapping[str, int]) -> str:
    content = {
        # Local paths are private.
        "plan": {**asdict(plan), "restorers": [Path(name).name for name in plan.restorers]},
        "classes": {
            name: {
                "images": counts[name],
                "points": [
                    {
                        **point.coding._asdict(),
                        "restorer": point.restorer,
                        "bpp": round(point.bits, 5),
                        "psnr_db": round(point.psnr_db, 4),
                        "ssim": round(point.ssim, 6),
                    }
                    for point in points
                ],
            }
            for name, points in means.items()
        },
    }
    return json.dumps(content, indent=1) + "\n"
