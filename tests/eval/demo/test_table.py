import pytest

from codec.measures.reading import Fidelity
from eval.demo import table
from eval.demo.roundtrip import IDENTICAL, Row
from eval.demo.table import Totals

GOOD = Row(
    "astronaut.jpg",
    "JPEG",
    (512, 512),
    uploaded=100_000,
    stored=25_000,
    tier="recode",
    measured=Fidelity(35.5, 0.95, 0.8),
    put_ms=651.4,
    get_ms=14.2,
)
PLAIN = Row("moon.png", "PNG", (512, 512), 100_000, 100_000, measured=IDENTICAL)
BELOW = Row("b.png", "PNG", (9, 9), 10, 5, tier="recode", measured=Fidelity(33.99, 0.99, 0.9))
FAILED = Row("c.png", "PNG", (9, 9), 10, 10, problems=("HEAD says 9, GET says 10",))


def test_row_shows_every_column() -> None:
    """A row shows name, format, size, bytes, saving, tier, fidelity and durations in that order."""
    expected = "astronaut.jpg JPEG 512x512 100,000 25,000 75.0 % recode 35.50 0.9500 0.800 651 14"
    assert " ".join(table.line(GOOD).split()) == expected


def test_identical_pixels_are_shown_as_such() -> None:
    """Identical images show equals signs instead of measures."""
    assert table.line(PLAIN).split()[-6:] == ["plain", "=", "=", "=", "0", "0"]


@pytest.mark.parametrize("row", [GOOD, PLAIN, BELOW, FAILED])
def test_columns_are_aligned(row: Row) -> None:
    """Every row is as wide as the header, and both fit into the terminal."""
    titles, rule = table.header().splitlines()
    shown = table.line(row).splitlines()[0].removesuffix(" !")
    assert {len(titles)} == {len(rule), len(shown)}
    assert len(titles) + len(" !") <= table.WIDTH


def test_long_names_are_cut() -> None:
    """A name of any length leaves the other columns where they are."""
    longest = Row("x" * 500, "JPEG", (512, 512), 1, 1, measured=IDENTICAL)
    assert len(table.line(longest)) == len(table.line(PLAIN))


def test_problems_follow_their_row() -> None:
    """Problems of an image follow on separate lines."""
    assert table.line(FAILED).splitlines()[1] == "    FAILED: HEAD says 9, GET says 10"


def test_rows_below_the_floor_are_marked() -> None:
    """Only a row below its floor ends with an exclamation mark."""
    marks = [table.line(row).endswith("!") for row in (GOOD, PLAIN, BELOW)]
    assert marks == [False, False, True]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (Fidelity(34.0, 0.93, 0.65), False),
        (Fidelity(33.999, 0.93, 0.65), True),
        (Fidelity(34.0, 0.9299, 0.65), True),
        (Fidelity(34.0, 0.93, 0.649), True),
        (None, False),
    ],
)
def test_floor_is_the_least_allowed(measured: Fidelity | None, expected: bool) -> None:
    """An image exactly on the floor holds it; one measure under it is enough to miss it."""
    assert Row("a", "PNG", (9, 9), 2, 1, measured=measured).below == expected


def test_totals_line_is_exact() -> None:
    """The last line has the form that scripts look for."""
    expected = "saved 37.5 % of 2 images, 1 restored, 0 below floor, 0 failed"
    assert str(table.totals([GOOD, PLAIN])) == expected


def test_failed_images_save_nothing() -> None:
    """The bytes of an image that failed count neither as uploaded nor as stored."""
    assert Totals(2, 100_000, 25_000, 1, 0, 1) == table.totals([GOOD, FAILED])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([GOOD, PLAIN], 0),
        ([GOOD, BELOW], 1),
        ([GOOD, FAILED], 1),
        ([BELOW, FAILED], 1),
        ([], 1),
    ],
)
def test_exit_code(rows: list[Row], expected: int) -> None:
    """Success needs at least one image, none failed and none below its floor."""
    assert table.totals(rows).exit_code == expected
