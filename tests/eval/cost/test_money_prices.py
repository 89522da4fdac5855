from pathlib import Path

import pytest

from slimgate.config.problems import ConfigError
from slimgate.eval.cost import money_prices
from slimgate.eval.cost.money_prices import DEFAULT

GOOD = """
name: A store
currency: EUR
date: 2026-01-31
source: an offer
binary_units: false
compute: {core_hour: 0.04, date: 2026-02-01, source: an offer}
classes:
  - {name: HOT, title: Hot, storage: [{up_to_tb: 10, gb_month: 0.02}, {gb_month: 0.01}]}
  - {name: COLD, title: Cold, storage: [{gb_month: 0.001}], small: {below_bytes: 9, billed_as: HOT}}
"""
# What S3 asks for in us-east-1: storage, 1,000 PUT, 1,000 GET, retrieval of a GB, least bytes.
AWS = {
    "STANDARD": (0.023, 0.005, 0.0004, 0.0, 0),
    "STANDARD_IA": (0.0125, 0.01, 0.001, 0.01, 131072),
    "ONEZONE_IA": (0.01, 0.01, 0.001, 0.01, 131072),
    "INTELLIGENT_TIERING": (0.023, 0.005, 0.0004, 0.0, 0),
    "INTELLIGENT_TIERING_IA": (0.0125, 0.005, 0.0004, 0.0, 0),
    "INTELLIGENT_TIERING_AIA": (0.004, 0.005, 0.0004, 0.0, 0),
    "GLACIER_IR": (0.004, 0.02, 0.01, 0.03, 131072),
    "GLACIER": (0.0036, 0.03, 0.0004, 0.01, 0),
    "DEEP_ARCHIVE": (0.00099, 0.05, 0.0004, 0.02, 0),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name a file for a price list."""
    return tmp_path / "prices.yaml"


def test_aws_list() -> None:
    """The list that ships has every storage class of S3 for images, with its date and source."""
    prices = money_prices.load(DEFAULT)
    shown = {
        each.name: (
            each.storage[0].gb_month,
            each.put_per_1000,
            each.get_per_1000,
            each.retrieval_per_gb,
            each.min_object_bytes,
        )
        for each in prices.classes
    }
    assert shown == AWS
    assert (prices.gb_bytes, prices.tb_bytes) == (2**30, 2**40)
    assert prices.source.startswith("https://aws.amazon.com/s3/")


def test_another_store(file: Path) -> None:
    """A list of another store is a file of the same form."""
    file.write_text(GOOD)
    prices = money_prices.load(file)
    assert (prices.gb_bytes, prices.tb_bytes) == (10**9, 10**12)
    assert prices.named("COLD").other == "HOT"
    with pytest.raises(LookupError, match="no storage class 'WARM'; choose one of HOT, COLD"):
        prices.named("WARM")


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("EUR", "Euro", "prices.yaml:3: currency: String should match pattern"),
        ("2026-01-31", "in January", "prices.yaml:4: date: must be a date such as 2025-10-28"),
        ("gb_month: 0.001", "gb_month: -1", "classes[1].storage[0].gb_month: Input should be"),
        ("title: Cold", "titel: Cold", "classes[1].titel: Extra inputs are not permitted"),
        ("core_hour: 0.04", "core_hour: cheap", "compute.core_hour: Input should be a valid"),
        ("name: COLD", "name: HOT", "classes[1].name: duplicates an earlier class"),
        ("billed_as: HOT", "billed_as: ICE", "classes[1]: is billed as an unlisted class"),
        ("billed_as: HOT", "billed_as: COLD", "is billed as a class that is itself mixed"),
        ("{gb_month: 0.01}]", "{up_to_tb: 20, gb_month: 0.01}]", "storage[1]: the last step must"),
        (
            "[{up_to_tb: 10, gb_month: 0.02}, ",
            "[{gb_month: 0.02}, ",
            "each up_to_tb must be larger",
        ),
        (GOOD, "", "prices.yaml:1: Input should be a valid dictionary"),
        (GOOD, "classes: [", "not valid YAML"),
    ],
)
def test_mistakes_are_named(file: Path, good: str, bad: str, message: str) -> None:
    """Errors in a price list name line and path."""
    file.write_text(GOOD.replace(good, bad))
    with pytest.raises(ConfigError) as caught:
        money_prices.load(file)
    assert message in str(caught.value)
    assert "prices.yaml:" in str(caught.value)


def test_missing_file(file: Path) -> None:
    """A price list that is not there is named."""
    with pytest.raises(ConfigError, match=r"prices\.yaml: cannot be read: No such file"):
        money_prices.load(file)
