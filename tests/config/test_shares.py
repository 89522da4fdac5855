from typing import Any

import pytest

from slimgate.config import Settings, share
from slimgate.config.limits import Limits
from slimgate.config.shares import DIVIDED
from tests.config.builders import minimal

_FOR_EACH = {
    "max_header_bytes",
    "max_head_bytes",
    "address_share",
    "proxies",
    "forwarded_for",
    "per_address",
    "per_identity",
    "handshake_timeout_s",
    "head_timeout_s",
    "keepalive_timeout_s",
    "client_timeout_s",
    "min_client_rate",
}
"""Limits of one request or connection, which are the same however many processes there are."""


def _settings(**changes: Any) -> Settings:
    return Settings.model_validate(minimal(**changes), context={"known_restorers": {"native"}})


@pytest.mark.parametrize(("workers", "expected"), [(3, [1, 1, 1]), (4, [2, 1, 1]), (8, [3, 3, 2])])
def test_no_worker_is_left_over(workers: int, expected: list[int]) -> None:
    """The shares of all processes are as many workers as one would have."""
    settings = _settings(processes=3, engine={"workers": workers})
    assert [share(settings, number).engine.worker_count for number in range(3)] == expected


def test_the_sum_is_what_is_allowed() -> None:
    """No sum of shares is more than the whole, and none that there is something of is nothing."""
    settings = _settings(
        processes=7,
        upstream={"endpoint": "http://a", "max_connections": 10},
        deferred={"concurrency": 10, "images_per_minute": 100},
    )
    for name, field in DIVIDED:
        whole = getattr(getattr(settings, name), field)
        part = getattr(getattr(share(settings, 0), name), field)
        assert whole // 7 == part > 0


def test_what_is_switched_off_stays_off() -> None:
    """A cache of no bytes is none in each process."""
    settings = _settings(processes=2, cache={"max_bytes": 0})
    assert share(settings, 1).cache.max_bytes == 0


def test_every_limit_is_of_the_whole_or_of_one_request() -> None:
    """A limit of the gateway as a whole has to be divided among processes."""
    divided = {field for name, field in DIVIDED if name == "limits"}
    assert divided | _FOR_EACH == set(Limits.model_fields)


def test_each_process_needs_a_worker() -> None:
    """Fewer workers than processes are a contradiction, and so are buffers too small to divide."""
    with pytest.raises(ValueError, match=r"engine\.workers"):
        _settings(processes=3, engine={"workers": 2})
    with pytest.raises(ValueError, match="divided by processes"):
        _settings(processes=9, engine={"workers": 9}, policies=[_POLICY])


_POLICY = {"name": "photos", "bucket": "photos", "mode": "optimize"}
