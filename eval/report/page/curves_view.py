"""Curves of bytes against SSIMULACRA2, for the page: data of the plots, and a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from slimgate.eval.compare.curves import NAMED, SCORES, ClassCurves, curves
from slimgate.eval.compare.rows import Study
from slimgate.eval.compare.strategies import named
from slimgate.eval.report.page.formatting import capital, text

MAX_CURVES: Final = 24
"""Maximum number of classes with curves, those with the most images first."""

_SUFFIX: Final = " at equal SSIMULACRA2"


@dataclass(frozen=True, slots=True)
class CurvesView:
    """Curves for the page.

    Attributes:
        groups: all images, then classes.
        codecs: name of the strategy and title, in the order of the legend.
        named: scores in the table.
        more: number of classes omitted.
        data: plain data of the plots.
    """

    groups: Sequence[ClassCurves]
    codecs: Sequence[tuple[str, str]]
    named: Sequence[float]
    more: int
    data: dict[str, Any]


def view(study: Study) -> CurvesView | None:
    """Return the curves of a study; None without scores."""
    found = curves(study)
    if not found:
        return None
    whole, *kinds = found
    largest = sorted(kinds, key=lambda each: -each.images)[:MAX_CURVES]
    groups = [whole, *sorted(largest, key=lambda each: each.kind or "")]
    codecs = [(name, _title(name)) for name in whole.needed]
    return CurvesView(groups, codecs, NAMED, len(kinds) - len(largest), _data(groups, codecs))


def _title(name: str) -> str:
    return capital(named(name).title.removesuffix(_SUFFIX))


def _data(groups: Sequence[ClassCurves], codecs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "scores": SCORES,
        "named": NAMED,
        "codecs": [{"title": title, "codec": name.partition("-")[0]} for name, title in codecs],
        "groups": [
            {
                "kind": "" if each.kind is None else text(each.kind),
                "images": each.images,
                "policy": [round(each.stored / each.uploaded, 5), round(each.score, 2)],
                "needed": [
                    [round(size / each.uploaded, 5) for size in each.needed[name]]
                    for name, _ in codecs
                ],
            }
            for each in groups
        ],
    }
