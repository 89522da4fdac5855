import pytest

from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.s3.errors import S3Error


def test_what_is_shared_counts_once() -> None:
    """Concurrent holders of the same bytes reserve them once, until the last one is done."""
    budget, data = ByteBudget(10), b"12345678"
    with budget.shared(data):
        with budget.shared(data):
            assert budget.held == 8
        assert budget.held == 8
        with pytest.raises(S3Error, match="SlowDown"), budget.shared(b"other"):
            pass
        assert budget.held == 8
    assert budget.held == 0
    with budget.shared(b"other"):
        assert budget.held == 5


def test_no_more_than_there_is() -> None:
    """Reservations that do not fit fail at once, and an error releases the others."""
    budget = ByteBudget(10)
    with budget.reserved(6):
        assert not budget.reserve(5)
    with pytest.raises(S3Error, match="SlowDown"), budget.reserved(6), budget.reserved(5):
        pass
    assert budget.held == 0
    assert budget.reserve(10)


def test_one_client_leaves_room_to_others() -> None:
    """Several uploads of a client stay within its share; a single one may exceed it."""
    budget = ByteBudget(100)
    first, second, other = (budget.client_quota(client, 0.5) for client in ("a", "a", "b"))
    assert [first.reserve(40), second.reserve(20), second.reserve(10)] == [True, False, True]
    assert [other.reserve(50), first.reserve(1)] == [True, False]
    second.release(10)
    first.release(40)
    other.release(50)
    assert budget.held == 0
    assert first.reserve(100)
    assert not other.reserve(1)
    first.release(100)
    assert budget.held == 0
    assert budget.client_quota(None, 0.5) is budget
