import pytest

from slimgate.codec.measures.reading import Reading
from slimgate.eval.demo import table
from slimgate.eval.demo.roundtrip import IDENTICAL, Row
from slimgate.eval.demo.table import Totals

GOOD = Row(
    "astronaut.jpg",
    "JPEG",
    (512, 512),
    uploaded=100_000,
    stored=25_000,
    tier="recode",
    measured=Reading(orb=0.8, ssimulacra2=71.26, ssimulacra2_worst=60.0),
    put_ms=651.4,
    get_ms=14.2,
)
PLAIN = Row("moon.png", "PNG", (512, 512), 100_000, 100_000, measured=IDENTICAL)
BELOW = Row("b.png", "PNG", (9, 9), 10, 5, tier="downscale", measured=Reading(ssimulacra2=69.9))
FAILED = Row("c.png", "PNG", (9, 9), 10, 10, problems=("HEAD says 9, GET says 10",))


def test_row_shows_every_column() -> None:
    """A row shows name and size, then bytes, saving, tier and score under each policy."""
    expected = "astronaut.jpg 100,000 25,000 75.0 % recode 71.3 100,000 0.0 % plain ="
    assert " ".join(table.line([GOOD, PLAIN]).split()) == expected


@pytest.mark.parametrize("row", [GOOD, PLAIN, BELOW, FAILED])
def test_columns_are_aligned(row: Row) -> None:
    """Every row fits under the header, and that into the terminal."""
    groups, titles, rule = table.header(["standard", "economy"]).splitlines()
    shown = table.line([row, row]).splitlines()[0]
    assert len(titles) == len(rule) == len(groups) <= table.WIDTH
    assert len(titles) - len(shown) in {0, 1}


def test_long_names_are_cut() -> None:
    """A name of any length leaves the other columns where they are."""
    longest = Row("x" * 500, "JPEG", (512, 512), 1, 1, measured=IDENTICAL)
    assert len(table.line([longest])) == len(table.line([PLAIN]))


def test_problems_follow_their_row() -> None:
    """Problems of an image follow on separate lines."""
    expected = ["    FAILED: HEAD says 9, GET says 10"]
    assert table.line([GOOD, FAILED]).splitlines()[1:] == expected


def test_rows_below_the_floor_are_marked() -> None:
    """Only a row below its floor ends with an exclamation mark."""
    marks = [table.line([row]).endswith("!") for row in (GOOD, PLAIN, BELOW)]
    assert marks == [False, False, True]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (Reading(orb=0.35, ssimulacra2=70.0, ssimulacra2_worst=50.0), False),
        (Reading(orb=0.35, ssimulacra2=69.99, ssimulacra2_worst=50.0), True),
        (Reading(orb=0.35, ssimulacra2=70.0, ssimulacra2_worst=49.99), True),
        (Reading(orb=0.349, ssimulacra2=70.0, ssimulacra2_worst=50.0), True),
        (None, False),
    ],
)
def test_floor_is_the_least_allowed(measured: Reading | None, expected: bool) -> None:
    """An image exactly on the floor holds it; one measure under it is enough to miss it."""
    assert Row("a", "PNG", (9, 9), 2, 1, measured=measured).below == expected


def test_totals_line_is_exact() -> None:
    """The last line has the form that scripts look for."""
    expected = "saved 37.5 % of 2 images, 1 restored, 0 below floor, 0 failed"
    assert str(table.totals([GOOD, PLAIN])) == expected


def test_failed_images_save_nothing() -> None:
    """The bytes of an image that failed count neither as uploaded nor as stored."""
    expected = Totals(2, 100_000, 25_000, 1, 0, 0, 1, put_ms=651.4, get_ms=14.2)
    assert table.totals([GOOD, FAILED]) == expected


def test_shrunk_images_are_counted() -> None:
    """The totals count the images that GET enlarges."""
    assert table.totals([GOOD, PLAIN, BELOW]).enlarged == 1


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
