"""Servers of ``python -m bench.faults``: a store, Redis, two gateways, and proxies between."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from bench.fault_load import PLAIN
from tests.servers.ceph import rgw_server
from tests.servers.clients import s3_client
from tests.servers.faulty import FaultyStore, faulty
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.moto import moto_server
from tests.servers.proxy import Proxy, proxied
from tests.servers.redis import RedisServer
from tests.servers.server import S3Server, free_port

MANAGED: Final = "photos-faults"
DEFERRED: Final = "later-faults"

_ENGINE: Final = "slimgate.models.engine.service"
_FORK_SERVER: Final = "slimgate.gateway.workers.fork_server"


class Gateway:
    """A gateway that is started again where it was.

    Args:
        folder: folder for its files.
        config: its configuration, but for the address.
    """

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        folder.mkdir()
        self._folder = folder
        self._config = {
            **config,
            "listen": f"127.0.0.1:{free_port()}",
            "admin": {"listen": f"127.0.0.1:{free_port()}"},
            "index": {"kind": "sqlite", "path": str(folder / "index.sqlite")},
        }
        self.endpoint = f"http://{self._config['listen']}"
        self.start()

    def start(self) -> None:
        """Start it."""
        self.life = GatewayProcess(self._config, self._folder)
        self.life.__enter__()

    def crash(self) -> None:
        """Kill it and start it again."""
        self.life.crash()
        self.start()

    def stop(self) -> None:
        """Stop it; it must leave with exit code 0."""
        self.life.__exit__(None, None, None)

    @property
    def process(self) -> psutil.Process:
        """Return the process of the gateway itself."""
        return psutil.Process(self.life.process.pid)

    def engines(self) -> Sequence[psutil.Process]:
        """Return the processes that run networks."""
        return [each for each in self.life.children() if _runs(each, _ENGINE)]

    def workers(self) -> Sequence[psutil.Process]:
        """Return the processes that decode and encode."""
        servers = {each.pid for each in self.life.children() if _runs(each, _FORK_SERVER)}
        return [each for each in self.life.children() if _parent(each) in servers]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that fails, and the dice.

    Attributes:
        direct: the store.
        gateways: two gateways.
        store: what answers for the store.
        wire: connections to the store.
        redis: Redis.
        redis_wire: connections to Redis.
        random: dice.
    """

    direct: S3Server
    gateways: tuple[Gateway, Gateway]
    store: FaultyStore
    wire: Proxy
    redis: RedisServer
    redis_wire: Proxy
    random: random.Random

    def gateway(self) -> Gateway:
        """Return one of the gateways."""
        return self.random.choice(self.gateways)


@contextmanager
def stage(folder: Path, seed: int, *, moto: bool) -> Iterator[Stage]:
    """Start everything.

    Args:
        folder: empty folder with a short path.
        seed: seed of the dice.
        moto: the store is moto, not Ceph RGW.
    """
    with ExitStack() as stack:
        (folder / "store").mkdir()
        start: Callable[..., Any] = moto_server if moto else rgw_server
        direct = stack.enter_context(start(folder / "store"))
        with s3_client(direct) as client:
            for bucket in (MANAGED, DEFERRED, PLAIN):
                client.create_bucket(Bucket=bucket)
        store, seen = stack.enter_context(faulty(direct, seed))
        wire, seen = stack.enter_context(proxied(seen))
        redis = stack.enter_context(RedisServer(folder))
        behind = S3Server(f"http://127.0.0.1:{redis.port}")
        redis_wire, redis_seen = stack.enter_context(proxied(behind))
        config = configuration(
            seen,
            cache={
                "max_bytes": "256KiB",
                "redis": {"url": redis_seen.endpoint.replace("http", "redis")},
            },
            engine={"workers": 2},
            deferred={"queue": "redis", "lease_s": 5},
            policies=[
                _policy(MANAGED, mode="optimize"),
                _policy(DEFERRED, mode="optimize", when="deferred"),
                # Listings then look at copies of images there, too.
                _policy(PLAIN, mode="off"),
            ],
        )
        gateways = []
        for name in ("a", "b"):
            gateway = Gateway(folder / name, config)
            stack.callback(gateway.stop)
            gateways.append(gateway)
        one, other = gateways
        yield Stage(
            direct, (one, other), store, wire, redis, redis_wire, random.Random(f"stage {seed}")
        )


def _policy(bucket: str, **fields: str) -> dict[str, str]:
    return {"name": bucket, "bucket": bucket, "effort": "fast", **fields}


def _runs(process: psutil.Process, module: str) -> bool:
    try:
        return module in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def _parent(process: psutil.Process) -> int | None:
    try:
        return int(process.ppid())
    except psutil.NoSuchProcess:
        return None
