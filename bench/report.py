"""Format comparisons as a table, and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench.stats import Comparison

EXPLANATION: Final = (
    "ratio: speed through the gateway as a share of direct speed (1.00: as fast), the median of\n"
    "interleaved repetitions; half of them lie within the spread. Client, gateway and store share\n"
    "the cores of this machine; a gateway on its own machine does better."
)

_TITLES: Final = ("what", "bucket", "direct", "gateway", "unit", "ratio", "spread", "added ms")
_LEFT: Final = (14, 18)
_RIGHT: Final = (9, 9, 6, 6, 12, 9)


@dataclass(frozen=True, slots=True)
class Result:
    """One table.

    Attributes:
        store: store behind the gateway.
        comparisons: lines of the table.
        idle_mib: memory of the gateway before the first request, MiB.
        after_mib: memory after the large transfers, MiB.
    """

    store: str
    comparisons: Sequence[Comparison]
    idle_mib: float
    after_mib: float


def header(store: str) -> str:
    """Return the lines above a table."""
    titles = _joined(_TITLES)
    return f"\nBehind the gateway: {store}\n\n{titles}\n{'-' * len(titles)}"


def line(comparison: Comparison) -> str:
    """Return the line of a comparison."""
    added = comparison.added_ms
    low, high = comparison.spread
    return _joined(
        (
            comparison.what,
            comparison.where,
            _number(comparison.direct),
            _number(comparison.gateway),
            comparison.unit,
            f"{comparison.ratio:.2f}",
            f"{low:.2f}-{high:.2f}",
            "" if added is None else _number(added),
        )
    )


def memory(result: Result) -> str:
    """Return the line of the gateway's memory."""
    return (
        f"\nMemory of the gateway: {result.idle_mib:.0f} MiB at the start, "
        f"{result.after_mib:.0f} MiB after the transfers of 64 MiB"
    )


def as_json(results: Iterable[Result]) -> str:
    """Return all results, with each single ratio, as JSON."""
    shown: list[dict[str, Any]] = []
    for result in results:
        fields = asdict(result)
        for entry, comparison in zip(fields["comparisons"], result.comparisons, strict=True):
            entry["ratio"] = comparison.ratio
        shown.append(fields)
    return json.dumps(shown, indent=2) + "\n"


def _joined(cells: Sequence[str]) -> str:
    left = [f"{text:<{width}}" for text, width in zip(cells, _LEFT, strict=False)]
    right = [f"{text:>{width}}" for text, width in zip(cells[len(_LEFT) :], _RIGHT, strict=True)]
    return "  ".join([*left, *right]).rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
