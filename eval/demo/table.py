"""The demo's table: one line per image with its results under every policy, and totals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

from slimgate.eval.demo.roundtrip import IDENTICAL, Row

WIDTH: Final = 100
"""Maximum width of the table, columns."""

LEGEND: Final = (
    "score: SSIMULACRA2 of what GET returned; 90 no visible loss, 70 high, 50 medium quality\n"
    "= identical pixels    ! below the floor    plain: stored as uploaded\n"
    "downscale: stored at half the size or less, and enlarged by super-resolution"
)

_GAP: Final = "  "


class _Column(NamedTuple):
    title: str
    width: int
    show: Callable[[Row], str]


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of a run.

    Attributes:
        images: number of images.
        uploaded: bytes of uploads that did not fail.
        stored: bytes in the bucket.
        restored: number of images that GET restored.
        enlarged: number of these that super-resolution enlarged.
        below: number of these below their floor.
        failed: number of failures.
        put_ms: median duration of a PUT, milliseconds.
        get_ms: median duration of a GET, milliseconds.
    """

    images: int
    uploaded: int
    stored: int
    restored: int
    enlarged: int
    below: int
    failed: int
    put_ms: float = 0.0
    get_ms: float = 0.0

    def __str__(self) -> str:
        """Return the line of totals."""
        return (
            f"saved {100 * _share(self.uploaded, self.stored):.1f} % of {self.images} images, "
            f"{self.restored} restored, {self.below} below floor, {self.failed} failed"
        )

    @property
    def details(self) -> str:
        """Return how images were stored, and how long it took."""
        return (
            f"{self.enlarged} of them enlarged by super-resolution; "
            f"medians: PUT {self.put_ms:.0f} ms, GET {self.get_ms:.0f} ms"
        )

    @property
    def exit_code(self) -> int:
        """Return 0 if nothing failed and nothing is below its floor, else 1."""
        return 1 if self.below or self.failed or not self.images else 0


def totals(rows: Sequence[Row]) -> Totals:
    """Return the totals of a run; failed images count as neither saved nor stored bytes."""
    good = [row for row in rows if not row.problems]
    return Totals(
        images=len(rows),
        uploaded=sum(row.uploaded for row in good),
        stored=sum(row.stored for row in good),
        restored=sum(row.restored for row in rows),
        enlarged=sum(row.tier == "downscale" for row in rows),
        below=sum(row.below for row in rows),
        failed=len(rows) - len(good),
        put_ms=median([row.put_ms for row in good] or [0.0]),
        get_ms=median([row.get_ms for row in good] or [0.0]),
    )


def header(names: Sequence[str]) -> str:
    """Return the names of policies and the titles of columns, and a rule."""
    titles = _GAP.join([_titles(_IMAGE), *(_titles(_OUTCOME) for _ in names)])
    rules = (_ruled(name, _width(_OUTCOME)) for name in names)
    groups = _GAP.join([" " * _width(_IMAGE), *rules])
    return f"{groups}\n{titles}\n{'-' * len(titles)}"


def line(rows: Sequence[Row]) -> str:
    """Return the line of an image, followed by lines for its problems.

    Args:
        rows: its result under each policy; at least one.
    """
    cells = [_cells(_IMAGE, rows[0]), *(_cells(_OUTCOME, row) for row in rows)]
    problems = [f"    FAILED: {problem}" for row in rows for problem in row.problems]
    return "\n".join([_GAP.join(cells).rstrip(), *problems])


def _width(columns: Sequence[_Column]) -> int:
    return sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1)


def _titles(columns: Sequence[_Column]) -> str:
    return _GAP.join(_fitted(column.title, column) for column in columns)


def _cells(columns: Sequence[_Column], row: Row) -> str:
    return _GAP.join(_fitted(column.show(row), column) for column in columns)


def _fitted(text: str, column: _Column) -> str:
    if column is _IMAGE[0]:
        return f"{_cut(text, column.width):<{column.width}}"
    return f"{text:>{column.width}}"


def _ruled(name: str, width: int) -> str:
    """Return a name in the middle of a rule above its columns."""
    return f"{f' {name} ':-^{width}}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def saved(row: Row) -> float:
    """Return the share of bytes that an image saves."""
    return _share(row.uploaded, row.stored)


def _share(uploaded: int, stored: int) -> float:
    return 1 - stored / uploaded if uploaded else 0.0


def score(row: Row) -> str:
    """Return the score of the downloaded file, or what stands for it."""
    if row.measured is None or row.measured.ssimulacra2 is None:
        return "-"
    return "=" if row.measured == IDENTICAL else f"{row.measured.ssimulacra2:.1f}"


def _marked_score(row: Row) -> str:
    return score(row) + ("!" if row.below else " ")


_IMAGE: Final = (
    _Column("image", 20, lambda row: row.key),
    _Column("uploaded", 8, lambda row: f"{row.uploaded:,}"),
)
_OUTCOME: Final = (
    _Column("stored", 7, lambda row: f"{row.stored:,}"),
    _Column("saved", 6, lambda row: f"{100 * saved(row):.1f} %"),
    _Column("tier", 9, lambda row: row.tier),
    _Column("score", 5, _marked_score),
)
