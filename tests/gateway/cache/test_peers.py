"""Gateways that compare their policies through a real Redis, in all its layouts."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from slimgate.config import Policies, Policy, RedisCacheSettings
from slimgate.gateway.cache.peers import Peers
from slimgate.gateway.cache.redis_client import RedisConnection
from slimgate.gateway.telemetry import metrics
from tests.servers.redis import RedisServer, cluster, missing, sentinel

pytestmark = pytest.mark.skipif(missing(), reason="redis-server is not installed")

_STORE: Final = "http://127.0.0.1:1"
_OURS: Final = (Policy(name="p", bucket="photos", mode="optimize"),)
_OTHERS: Final = (Policy(name="p", bucket="photos", mode="shadow"),)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Run Redis."""
    with RedisServer(tmp_path) as running:
        yield running


def _connection(url: str) -> RedisConnection:
    return RedisConnection(
        RedisCacheSettings.model_validate({"url": SecretStr(url), "timeout_ms": 5000.0})
    )


def _peers(url: str, policies: Policies, store: str = _STORE) -> Peers:
    return Peers(_connection(url), store, policies)


class _Two:
    """Two gateways that share a Redis, and look by turns."""

    def __init__(self, url: str) -> None:
        self.policies = Policies(_OURS), Policies(_OURS)
        self.peers = [_peers(url, each) for each in self.policies]

    async def look(self, times: int = 4) -> None:
        """Let both look, so many times."""
        for _ in range(times):
            for each in self.peers:
                await each.look()

    @property
    def warnings(self) -> list[str | None]:
        """Return what each of them says."""
        return [each.warning for each in self.peers]


@pytest.fixture
async def two(server: RedisServer) -> AsyncIterator[_Two]:
    """Make two gateways."""
    made = _Two(server.url)
    yield made
    for each in made.peers:
        await each.__aexit__()


def _gauge(gauge: Any) -> float:
    value: float = gauge._value.get()
    return value


async def test_a_difference_is_reported_until_it_ends(two: _Two) -> None:
    """A lasting difference is logged once, counted and named with what to do; so is its end."""
    two.policies[1].replace(_OTHERS)
    with capture_logs() as logs:
        await two.look(8)
    assert [line["event"] for line in logs] == ["policies differ among gateways"] * 2
    assert (_gauge(metrics.PEERS), _gauge(metrics.PEERS_DIFFERING)) == (2, 1)
    for warning, other in zip(two.warnings, reversed(two.policies), strict=True):
        assert warning is not None
        assert other.digest in warning
        assert "SIGHUP" in warning
    two.policies[0].replace(_OTHERS)
    with capture_logs() as logs:
        await two.look()
    assert [line["event"] for line in logs] == ["policies agree among gateways"] * 2
    assert (two.warnings, _gauge(metrics.PEERS_DIFFERING)) == ([None, None], 0)


async def test_reloading_one_after_the_other_is_no_difference(two: _Two) -> None:
    """Gateways notice a changed file at different times."""
    await two.look()
    two.policies[0].replace(_OTHERS)
    with capture_logs() as logs:
        await two.look(1)
        two.policies[1].replace(_OTHERS)
        await two.look(8)
    assert (logs, two.warnings) == ([], [None, None])


async def test_the_order_of_policies_counts(two: _Two) -> None:
    """The first policy that matches applies, so another order is another choice."""
    second = Policy(name="q", bucket="photos", mode="off")
    two.policies[0].replace((*_OURS, second))
    two.policies[1].replace((second, *_OURS))
    await two.look()
    assert None not in two.warnings


async def test_a_gateway_that_ends_is_forgotten(server: RedisServer, two: _Two) -> None:
    """One that leaves withdraws its entry; that of a killed one expires."""
    await two.look(1)
    async with _peers(server.url, Policies(_OTHERS)) as third:
        await third.look()
        await two.look()
        assert None not in two.warnings
    await two.look(1)
    assert two.warnings == [None, None]
    connection = _connection(server.url)
    await Peers(connection, _STORE, Policies(_OTHERS)).look()
    await connection.close()
    entries = server.ask("--scan", "--pattern", "slimgate:peers:1:*:*").split()
    assert len(entries) == 3
    assert all(0 < int(server.ask("ttl", entry)) <= 20 for entry in entries)
    server.ask("del", *entries)
    await two.look()
    (names,) = server.ask("--scan", "--pattern", "slimgate:peers:1:*}").split()
    assert (two.warnings, server.ask("scard", names)) == ([None, None], "2")


async def test_other_stores_are_others_concern(server: RedisServer, two: _Two) -> None:
    """Gateways before another store may have any policies."""
    async with _peers(server.url, Policies(_OTHERS), "http://127.0.0.1:2") as other:
        await other.look()
        await two.look()
        assert two.warnings == [None, None]


async def test_without_redis_nothing_is_known(server: RedisServer, two: _Two) -> None:
    """A Redis that is gone is no difference, and what was reported is not known any more."""
    two.policies[1].replace(_OTHERS)
    await two.look()
    assert None not in two.warnings
    server.stop()
    with capture_logs() as logs:
        await two.look()
    assert two.warnings == [None, None]
    assert _gauge(metrics.PEERS) == 0
    assert not any("policies" in line["event"] for line in logs)


async def test_strange_entries_are_ignored(server: RedisServer, two: _Two) -> None:
    """What another program writes there is no gateway."""
    await two.look(1)
    (names,) = server.ask("--scan", "--pattern", "slimgate:peers:1:*}").split()
    for name, text in (("a", "x" * 10_000), ("b" * 10_000, "y"), ("c", f"{'0' * 12} 1 2")):
        server.ask("sadd", names, name)
        server.ask("set", f"{names}:{name}", text)
    await two.look()
    assert (two.warnings, _gauge(metrics.PEERS)) == ([None, None], 2)


@pytest.mark.parametrize("layout", [sentinel, cluster])
async def test_every_layout_of_redis_works(layout: Any, tmp_path: Path) -> None:
    """Behind Sentinel and in a cluster, gateways see each other, too."""
    with ExitStack() as stack:
        url, _ = stack.enter_context(layout(tmp_path))
        made = _Two(url)
        made.policies[1].replace(_OTHERS)
        async with AsyncExitStack() as ending:
            for each in made.peers:
                ending.push_async_exit(each)
            await made.look()
            assert None not in made.warnings
