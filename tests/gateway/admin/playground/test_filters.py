import pytest

from slimgate.gateway.admin.playground import filters


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (28_440, "28.4 kB"),
        (999_400, "999 kB"),
        (999_600, "1.00 MB"),
        (123_456_789_012, "123 GB"),
    ],
)
def test_sizes_have_three_digits(count: int, expected: str) -> None:
    """Byte counts have three digits."""
    assert filters.size(count) == expected


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, "$0.00"),
        (0.000_08, "less than $0.0001"),
        (0.0012, "$0.0012"),
        (0.5, "$0.50"),
        (12_345.678, "$12,345.68"),
    ],
)
def test_small_sums_are_no_powers_of_ten(amount: float, expected: str) -> None:
    """Amounts of money are formatted as usual."""
    assert filters.dollars(amount) == expected
