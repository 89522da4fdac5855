import pytest

from gateway.budget import Budget
from gateway.errors import S3Error


def test_what_is_shared_counts_once() -> None:
    """Several holders of the same bytes take their room once, until the last one lets go."""
    budget, data = Budget(10), b"12345678"
    with budget.sharing(data):
        with budget.sharing(data):
            assert 8 == budget.held
        assert 8 == budget.held
        with pytest.raises(S3Error, match="SlowDown"), budget.sharing(b"other"):
            pass
        assert 8 == budget.held
    assert 0 == budget.held
    with budget.sharing(b"other"):
        assert 5 == budget.held


def test_no_more_than_there_is() -> None:
    """What does not fit is refused at once, and what was held is given back after an error."""
    budget = Budget(10)
    with budget.holding(6):
        assert not budget.reserve(5)
    with pytest.raises(S3Error, match="SlowDown"), budget.holding(6), budget.holding(5):
        pass
    assert 0 == budget.held
    assert budget.reserve(10)
