import pytest

from slimgate.eval.cost import money_measured, money_prices
from tests.eval import studies

PRICES = money_prices.load()


def test_budget_of_a_study() -> None:
    """Sizes and processor time are those of the measured images, prices those of the list."""
    study = studies.study()
    found = money_measured.budget(study, PRICES)
    assert found is not None
    rows = [row for row in study.of() if row.measured]
    assert len(rows) == len(money_measured.images(study)) == studies.IMAGES
    put = sum(row.put_cpu_s or 0 for row in rows) / len(rows)
    assert found.assumed.put_core_s == pytest.approx(put, abs=0.0005)
    assert (found.currency, found.assumed.core_hour) == ("USD", PRICES.compute.core_hour)
    assert found.result.objects == pytest.approx(100 * 2**40 / 2_000_000)


def test_nothing_measured() -> None:
    """Without a measured image there is no budget."""
    rows = tuple(row for row in studies.study().rows if not row.measured)
    assert money_measured.budget(studies.study(rows=rows), PRICES) is None
