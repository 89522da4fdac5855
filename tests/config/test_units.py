import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.config.units import BYTES, PIXELS, Unit
from tests.config.builders import steady


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        (BYTES, 0, 0),
        (BYTES, 67108864, 67108864),
        (BYTES, "64MiB", 64 * 1024 * 1024),
        (BYTES, "1GiB", 1024**3),
        (BYTES, "2TiB", 2 * 1024**4),
        (BYTES, "16KiB", 16384),
        (BYTES, "500kB", 500_000),
        (BYTES, "10MB", 10_000_000),
        (BYTES, "3GB", 3 * 10**9),
        (BYTES, "1TB", 10**12),
        (PIXELS, "100MP", 100_000_000),
        (PIXELS, "1MP", 1_000_000),
        (PIXELS, 12, 12),
    ],
)
def test_sizes_mean_what_they_say(unit: Unit, text: object, expected: int) -> None:
    """A plain integer counts single bytes or pixels; a suffix multiplies."""
    assert unit.parse(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("64", "", "MiB", "64Mb", "64mib", "64 MiB", " 64MiB", "64MiB ", "64MiB\n", "1.5GiB"),
        *("-1MiB", "+1MiB", "1_0MiB", "٣MiB", "²MiB", "0x1MiB", "1e3MiB", "100MP", "64MiBMiB"),
        *("9999999999999999MiB", "9" * 5000 + "MiB", -1, 1.5, True, None, [], {}),
    ],
)
def test_wrong_sizes_are_refused(value: object) -> None:
    """A missing, wrong or separated unit is refused with the units that are accepted."""
    with pytest.raises(ValueError, match="kB, KiB, MB, MiB, GB, GiB, TB, TiB, such as 64MiB"):
        BYTES.parse(value)


def test_units_of_bytes_are_no_units_of_pixels() -> None:
    """Pixels are counted in MP and in nothing else."""
    with pytest.raises(
        ValueError, match="whole number of pixels, optionally followed without a space by MP"
    ):
        PIXELS.parse("64MB")


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, 0), (1, 1), (1001, 1001), (16384, "16KiB"), (10**7, "10MB"), (2**30, "1GiB")],
)
def test_numbers_are_rendered_as_people_write_them(number: int, expected: object) -> None:
    """The largest unit that divides a number is used, and none when none does."""
    assert BYTES.render(number) == expected


@steady
@given(st.integers(0, 2**50), st.sampled_from([1, 1000, 1024, 10**6, 2**20, 2**30]))
def test_rendered_numbers_are_read_again(count: int, factor: int) -> None:
    """A rendered size parses to the same number."""
    number = count * factor % 2**50
    assert number == BYTES.parse(BYTES.render(number))
    assert number == PIXELS.parse(PIXELS.render(number))
