"""Three gateways that share a store and Redis, behind a load balancer, are restarted in turn."""

import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.rolling_load import RollingLoad
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.nginx import load_balancer, missing_program
from tests.servers.redis import RedisServer, missing
from tests.servers.server import S3Server, free_port, wait_until

pytestmark = pytest.mark.slow  # starts six gateways

_GATEWAYS: Final = 3
_EXACT: Final = {
    "name": "exact", "bucket": "photos*", "mode": "optimize", "tiers": ["exact"],
    "min_saving": 0.01,
}  # fmt: skip
_EACH: Final = 10
"""Uploads while a gateway is away."""


class _Fleet:
    """Gateways on ports that they keep.

    Attributes:
        ports: For clients.
        all: All gateways that ran, and run.
    """

    def __init__(self, moto: S3Server, redis: RedisServer, folder: Path) -> None:
        self.ports = [free_port() for _ in range(_GATEWAYS)]
        self._admin = [free_port() for _ in range(_GATEWAYS)]
        self._moto, self._redis, self._folder = moto, redis, folder
        self.all: list[GatewayProcess] = []
        self._running: list[ExitStack] = []

    def __enter__(self) -> "_Fleet":
        with ThreadPoolExecutor(_GATEWAYS) as pool:
            self._running = list(pool.map(self._start, range(_GATEWAYS)))
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._running:
            each.close()

    def restart(self, number: int) -> None:
        """End a gateway, and start it again once it is gone."""
        self._running[number].close()
        self._running[number] = self._start(number)

    def readiness(self, number: int) -> str:
        """Return what a gateway says of itself."""
        url = f"http://127.0.0.1:{self._admin[number]}/_slimgate/readyz"
        with urllib.request.urlopen(url, timeout=10) as response:
            text: str = response.read().decode()
        return text

    def _start(self, number: int) -> ExitStack:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        process = GatewayProcess(self._configuration(number), folder)
        stack = ExitStack()
        stack.enter_context(process)
        self.all.append(process)
        return stack

    def _configuration(self, number: int) -> dict[str, Any]:
        return configuration(
            self._moto,
            listen=f"127.0.0.1:{self.ports[number]}",
            admin={"listen": f"127.0.0.1:{self._admin[number]}"},
            cache={"redis": {"url": self._redis.url, "timeout_ms": 5000}},
            engine={"workers": 1},
            # Every byte returns, and every upload takes milliseconds.
            policies=[_EXACT],
        )


@pytest.fixture
def fleet(moto: S3Server, tmp_path: Path) -> Iterator[_Fleet]:
    """Run three gateways with one Redis."""
    if missing():
        pytest.skip("redis-server is not installed")
    if absent := missing_program():
        pytest.skip(f"{absent} is not installed (Debian: {absent})")
    with RedisServer(tmp_path) as redis, _Fleet(moto, redis, tmp_path) as running:
        yield running


def test_a_rolling_restart_loses_nothing(
    fleet: _Fleet, moto: S3Server, moto_bucket: str, tmp_path: Path
) -> None:
    """No request fails, no byte is wrong, no object is lost, and no file is restored twice."""
    (tmp_path / "nginx").mkdir()
    with load_balancer(fleet.ports, tmp_path / "nginx") as url:
        with RollingLoad(moto.at(url), moto_bucket) as load:
            for number in range(_GATEWAYS):
                _wait_for_more(load)
                fleet.restart(number)
            _wait_for_more(load)
        assert load.errors == []
        with s3_client(moto.at(url)) as client:
            load.check_all(client)
    restored = Counter(line["key"] for each in fleet.all for line in each.events("restored"))
    assert restored
    assert set(restored.values()) == {1}
    assert [fleet.readiness(number) for number in range(_GATEWAYS)] == ["ready\n"] * _GATEWAYS


def _wait_for_more(load: RollingLoad) -> None:
    enough = len(load.stored) + _EACH
    wait_until(lambda: len(load.stored) >= enough or bool(load.errors), "more uploads", 120)
