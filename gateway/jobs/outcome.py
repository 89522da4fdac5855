"""What became of objects, one by one and in sum."""

from collections.abc import Iterator
from typing import Final, NamedTuple

FAILED: Final = "failed"
"""The one verdict that asks somebody to do something."""

CHANGED: Final = "changed meanwhile"
STAYS: Final = "stays"


class Outcome(NamedTuple):
    """What became of one object.

    Attributes:
        verdict: In a word or two; what is summed up by.
        before: Stored bytes before.
        after: Stored bytes now, or as they would be.
        reason: Why, where the verdict does not say it.
    """

    verdict: str
    before: int
    after: int
    reason: str = ""

    @classmethod
    def same(cls, verdict: str, size: int, reason: str = "") -> "Outcome":
        """Make the outcome of an object that is as large as before."""
        return cls(verdict, size, size, reason)


class Totals:
    """Sums of outcomes by verdict."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[int, int, int]] = {}

    def add(self, outcome: Outcome, sign: int = 1) -> None:
        """Count an outcome; with the sign -1, take it back."""
        count, before, after = self._sums.get(outcome.verdict, (0, 0, 0))
        self._sums[outcome.verdict] = (
            count + sign,
            before + sign * outcome.before,
            after + sign * outcome.after,
        )

    @property
    def failed(self) -> int:
        """Give how many objects failed."""
        return self._sums.get(FAILED, (0, 0, 0))[0]

    @property
    def saved(self) -> int:
        """Give by how many bytes less is stored; negative when it is more."""
        return sum(before - after for _, before, after in self._sums.values())

    def table(self) -> str:
        """Give a line for each verdict, and one for all, each with a line end."""
        rows = sorted(self._sums.items())
        whole = [sum(column) for column in zip(*(sums for _, sums in rows), strict=True)]
        lines = [_line("", "objects", "bytes before", "bytes after", "saved")]
        lines += [_row(verdict, *sums) for verdict, sums in rows if sums[0]]
        lines.append(_row("in all", *(whole or (0, 0, 0))))
        return "".join(lines)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return ((verdict, count) for verdict, (count, _, _) in sorted(self._sums.items()))


def _row(name: str, count: int, before: int, after: int) -> str:
    share = 100 * (before - after) / before if before else 0.0
    return _line(name, f"{count:,}", f"{before:,}", f"{after:,}", f"{share:.1f} %")


def _line(name: str, *cells: str) -> str:
    widths = (9, 19, 19, 9)
    shown = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"{name:<18}{shown}\n"
