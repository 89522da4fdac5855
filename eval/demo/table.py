"""The demo's table: one line per image, and a line of totals."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from slimgate.eval.demo.roundtrip import IDENTICAL, Row

WIDTH: Final = 100
"""Maximum width of the table, columns."""

LEGEND: Final = (
    "SSIMULACRA2: 90 no visible loss, 70 high, 50 medium quality; worst: lowest of 128x128 pixels\n"
    "= identical pixels    ! below the floor    plain: stored as uploaded\n"
    "downscale: stored at half the size or less, and enlarged by super-resolution"
)

_KEY_WIDTH: Final = 21
_GAP: Final = "  "


class _Column(NamedTuple):
    title: str
    width: int
    show: Callable[[Row], str]
    group: str = ""


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
    """

    images: int
    uploaded: int
    stored: int
    restored: int
    enlarged: int
    below: int
    failed: int

    def __str__(self) -> str:
        """Return the line of totals."""
        return (
            f"saved {100 * _share(self.uploaded, self.stored):.1f} % of {self.images} images, "
            f"{self.restored} restored, {self.below} below floor, {self.failed} failed"
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
    )


def header() -> str:
    """Return the titles of groups of columns and of columns, and a rule."""
    titles = _joined(column.title for column in _COLUMNS)
    return f"{_GAP.join(_groups()).rstrip()}\n{titles}\n{'-' * len(titles)}"


def line(row: Row) -> str:
    """Return the line of an image, followed by lines for its problems."""
    shown = _joined(column.show(row) for column in _COLUMNS)
    if row.below:
        shown += " !"
    return "\n".join([shown, *(f"    FAILED: {problem}" for problem in row.problems)])


def _groups() -> Iterator[str]:
    for title, columns in groupby(_COLUMNS, key=lambda column: column.group):
        widths = [column.width for column in columns]
        yield f"{title:>{sum(widths) + len(_GAP) * (len(widths) - 1)}}"


def _joined(cells: Iterable[str]) -> str:
    (name, first), *rest = zip(cells, _COLUMNS, strict=True)
    left = f"{_cut(name, first.width):<{first.width}}"
    return _GAP.join([left, *(f"{text:>{column.width}}" for text, column in rest)])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _share(uploaded: int, stored: int) -> float:
    return 1 - stored / uploaded if uploaded else 0.0


def _score(row: Row) -> str:
    return _shown(row, None if row.measured is None else row.measured.ssimulacra2)


def _worst(row: Row) -> str:
    return _shown(row, None if row.measured is None else row.measured.ssimulacra2_worst)


def _shown(row: Row, score: float | None) -> str:
    if score is None:
        return "-"
    return "=" if row.measured == IDENTICAL else f"{score:.1f}"


_COLUMNS: Final = (
    _Column("image", _KEY_WIDTH, lambda row: row.key),
    _Column("pixels", 9, lambda row: f"{row.size[0]}x{row.size[1]}"),
    _Column("uploaded", 8, lambda row: f"{row.uploaded:,}"),
    _Column("stored", 7, lambda row: f"{row.stored:,}"),
    _Column("saved", 6, lambda row: f"{100 * _share(row.uploaded, row.stored):.1f} %"),
    _Column("tier", 9, lambda row: row.tier),
    _Column("whole", 5, _score, "SSIMULACRA2"),
    _Column("worst", 5, _worst, "SSIMULACRA2"),
    _Column("PUT", 5, lambda row: f"{row.put_ms:.0f}", "time, ms"),
    _Column("GET", 4, lambda row: f"{row.get_ms:.0f}", "time, ms"),
)
