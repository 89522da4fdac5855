from typing import Any

import pytest

from slimgate.config import ClientLimits
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.http.client_limits import ClientCounts, RequestHold, counts_of
from slimgate.gateway.s3.errors import S3Error

_MIB = 1 << 20


def _counts(**limits: Any) -> ClientCounts:
    counts = counts_of("identity", ClientLimits.model_validate(limits))
    assert counts is not None
    return counts


def test_nothing_is_counted_without_limits() -> None:
    """Jobs are counted elsewhere."""
    assert counts_of("address", ClientLimits(jobs=1)) is None


def test_concurrent_requests_are_bounded() -> None:
    """A request that ends makes room for another; those of others need none."""
    counts, holds = _counts(connections=2), [RequestHold() for _ in range(4)]
    holds[0].begin(counts, "a")
    holds[1].begin(counts, "a")
    holds[2].begin(counts, "b")
    with pytest.raises(S3Error, match="SlowDown") as refused:
        holds[3].begin(counts, "a")
    assert refused.value.headers == {"Retry-After": "1"}
    holds[0].end()
    holds[3].begin(counts, "a")


def test_a_refusal_says_when_the_next_request_passes() -> None:
    """Whole seconds, at least one."""
    counts = _counts(requests_per_s=0.1, burst=1)
    RequestHold().begin(counts, "a")
    with pytest.raises(S3Error) as refused:
        RequestHold().begin(counts, "a")
    assert refused.value.headers == {"Retry-After": "10"}


@pytest.mark.parametrize("client", [None, ""])
def test_unknown_clients_have_no_limit(client: str | None) -> None:
    """All anonymous requests are no client."""
    counts = _counts(connections=1)
    for _ in range(3):
        RequestHold().begin(counts, client)


def test_bytes_are_bounded_over_all_requests_of_a_client() -> None:
    """One request alone may exceed the bound; nothing is held of what was refused."""
    address, identity = _counts(bytes_in_flight="8MiB"), _counts(bytes_in_flight="4MiB")
    budget, first, second = ByteBudget(100 * _MIB), RequestHold(), RequestHold()
    for hold in (first, second):
        hold.begin(address, "192.0.2.1")
        hold.begin(identity, "a")
    quota, other = first.limiting(budget), second.limiting(budget)
    assert quota.reserve(3 * _MIB)
    assert quota.reserve(3 * _MIB)
    with pytest.raises(S3Error, match="SlowDown"):
        other.reserve(1)
    assert budget.held == 6 * _MIB
    quota.release(3 * _MIB)
    assert other.reserve(_MIB)
    other.release(_MIB)
    first.end()
    assert other.reserve(6 * _MIB)
    assert not other.reserve(100 * _MIB)
    assert budget.held == 9 * _MIB


def test_nothing_is_left_behind() -> None:
    """Tables have entries of clients that hold something alone."""
    counts = _counts(connections=1, bytes_in_flight="1MiB")
    for number in range(1000):
        hold = RequestHold()
        hold.begin(counts, str(number))
        hold.hold(number)
        hold.end()
        hold.end()
    assert len(counts) == 0


def test_requests_without_limits_use_the_budget_itself() -> None:
    """Nothing is added to their way."""
    budget = ByteBudget(1)
    assert RequestHold().limiting(budget) is budget
