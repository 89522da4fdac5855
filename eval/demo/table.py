"""The demo's table: one line per image, and a line of totals."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from codec.measures.psnr import PERFECT_PSNR_DB
from eval.demo.roundtrip import Row

WIDTH: Final = 120
"""Maximum width of the table, columns."""

LEGEND: Final = "= identical pixels    ! below the floor    plain: stored as uploaded"

_KEY_WIDTH: Final = 21


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
        below: number of these below their floor.
        failed: number of failures.
    """

    images: int
    uploaded: int
    stored: int
    restored: int
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
        below=sum(row.below for row in rows),
        failed=len(rows) - len(good),
    )


def header() -> str:
    """Return the column titles and a rule."""
    titles = _joined(column.title for column in _COLUMNS)
    return f"{titles}\n{'-' * len(titles)}"


def line(row: Row) -> str:
    """Return the line of an image, followed by lines for its problems."""
    shown = _joined(column.show(row) for column in _COLUMNS)
    if row.below:
        shown += " !"
    return "\n".join([shown, *(f"    FAILED: {problem}" for problem in row.problems)])


def _joined(cells: Iterable[str]) -> str:
    first, second, *rest = zip(cells, _COLUMNS, strict=True)
    left = [f"{_cut(text, column.width):<{column.width}}" for text, column in (first, second)]
    return "  ".join([*left, *(f"{text:>{column.width}}" for text, column in rest)])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _share(uploaded: int, stored: int) -> float:
    return 1 - stored / uploaded if uploaded else 0.0


def _psnr(row: Row) -> str:
    if row.measured is None:
        return "-"
    return "=" if _same(row) else f"{row.measured.psnr_db:.2f}"


def _ssim(row: Row) -> str:
    if row.measured is None:
        return "-"
    return "=" if _same(row) else f"{row.measured.ssim:.4f}"


def _orb(row: Row) -> str:
    if row.measured is None:
        return "-"
    return "=" if _same(row) else f"{row.measured.orb:.3f}"


def _same(row: Row) -> bool:
    return row.measured is not None and row.measured.psnr_db >= PERFECT_PSNR_DB


_COLUMNS: Final = (
    _Column("image", _KEY_WIDTH, lambda row: row.key),
    _Column("kind", 4, lambda row: row.format),
    _Column("pixels", 9, lambda row: f"{row.size[0]}x{row.size[1]}"),
    _Column("uploaded", 9, lambda row: f"{row.uploaded:,}"),
    _Column("stored", 9, lambda row: f"{row.stored:,}"),
    _Column("saved", 7, lambda row: f"{100 * _share(row.uploaded, row.stored):.1f} %"),
    _Column("tier", 9, lambda row: row.tier),
    _Column("PSNR", 5, _psnr),
    _Column("SSIM", 6, _ssim),
    _Column("ORB", 5, _orb),
    _Column("PUT ms", 6, lambda row: f"{row.put_ms:.0f}"),
    _Column("GET ms", 6, lambda row: f"{row.get_ms:.0f}"),
)
