"""The commands of docker-compose.yml, run here where their programs are installed."""

import http.client
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest
import redis
from PIL import Image

from slimgate.models.bench.benchmark_worker import photograph
from tests.compose import ALERTS, FOLDER, Secrets, dockerfile, image_environment, services
from tests.servers.clients import s3_client
from tests.servers.gateway import environment
from tests.servers.moto import moto_server
from tests.servers.redis import missing
from tests.servers.server import Keys, S3Server, answers, free_port, running, wait_until

_TIERS: Final = {"recode", "downscale", "lossless", "exact"}
_REDIS_RESULTS: Final = re.compile(r'slimgate_redis_requests_total{result="(\w+)"} ([\d.]+)')
_WITH_REDIS: Final = pytest.mark.skipif(missing(), reason="redis-server is not installed")
_WITH_PROMETHEUS: Final = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="prometheus is not installed"
)


@contextmanager
def _redis(secrets: Secrets, folder: Path) -> Iterator[int]:
    """Run Redis as Compose does; yield its port."""
    service, port = services()["redis"], free_port()
    command = [secrets.placed(word) for word in (*service["entrypoint"], *service["command"])]
    place = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with running([*command, *place], folder / "redis.log"):
        wait_until(lambda: answers(port), "the start of Redis")
        yield port


def _url(secrets: Secrets, port: int) -> str:
    return secrets.read("redis-url").replace("@redis:6379", f"@127.0.0.1:{port}")


@_WITH_REDIS
def test_redis_lives_and_serves_the_gateway_alone(tmp_path: Path) -> None:
    """Its health check passes without a password, which everything else needs."""
    secrets = Secrets.made(tmp_path / "secrets")
    with _redis(secrets, tmp_path) as port, ExitStack() as stack:
        check = [*services()["redis"]["healthcheck"]["test"][1:]]
        check[1:1] = ["-p", str(port)]
        done = subprocess.run(check, capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stdout) == (0, "PONG\n")
        stranger = stack.enter_context(redis.Redis(port=port))
        for refused in (["GET", "slimgate:a"], ["INFO"], ["CONFIG", "GET", "*"], ["ACL", "LIST"]):
            with pytest.raises(redis.exceptions.NoPermissionError):
                stranger.execute_command(*refused)
        gateway = stack.enter_context(redis.Redis.from_url(_url(secrets, port)))
        assert gateway.set("slimgate:a", b"1")
        assert gateway.get("slimgate:a") == b"1"
        assert gateway.publish("slimgate:b", b"") == 0
        for refused in (["GET", "b"], ["FLUSHALL"], ["CONFIG", "SET", "dir", "/"], ["KEYS", "*"]):
            with pytest.raises(redis.exceptions.NoPermissionError):
                gateway.execute_command(*refused)


@dataclass(frozen=True, slots=True)
class _Gateway:
    """The service gateway, as a process of this machine.

    Attributes:
        server: Where clients find it, and their keys.
        admin: Host and port of the listener for operators.
        environ: Its environment.
        token: What operators send.
    """

    server: S3Server
    admin: str
    environ: dict[str, str]
    token: str

    def metrics(self) -> str:
        """Return what Prometheus reads."""
        return _get(self.admin, "/metrics", self.token)[1]


@contextmanager
def _gateway(
    secrets: Secrets, store: S3Server, redis_port: int, folder: Path
) -> Iterator[_Gateway]:
    """Run the gateway with the configuration and environment that Compose gives it."""
    ports = [free_port(), free_port()]
    service = {n: secrets.placed(v) for n, v in services()["gateway"]["environment"].items()}
    del service["SLIMGATE_CACHE__REDIS__URL_FILE"]  # names the host redis
    environ = {
        **environment(),
        **{n: v for n, v in image_environment().items() if n.startswith("SLIMGATE_")},
        **service,
        "SLIMGATE_CONFIG": str(FOLDER / "slimgate.yaml"),
        "SLIMGATE_LISTEN": f"127.0.0.1:{ports[0]}",
        "SLIMGATE_ADMIN__LISTEN": f"127.0.0.1:{ports[1]}",
        "SLIMGATE_ADMIN__FEEDBACK__PATH": str(folder / "feedback.jsonl"),
        "SLIMGATE_UPSTREAM__ENDPOINT": store.endpoint,
        "SLIMGATE_CACHE__REDIS__URL": _url(secrets, redis_port),
        "SLIMGATE_INDEX__PATH": str(folder / "index.sqlite"),
        "TMPDIR": str(folder),
    }
    keys = Keys("slimgate", secrets.read("s3-secret-key"))
    server = S3Server(f"http://127.0.0.1:{ports[0]}", (keys,))
    admin = f"127.0.0.1:{ports[1]}"
    with running(
        [sys.executable, "-m", "slimgate", "serve"], folder / "gateway.log", environ
    ) as process:
        wait_until(
            lambda: process.poll() is not None or answers(ports[0]), "the start of the gateway"
        )
        assert process.poll() is None, (folder / "gateway.log").read_text()
        yield _Gateway(server, admin, environ, secrets.read("admin-token"))


def _get(address: str, path: str, token: str | None = None) -> tuple[int, str]:
    """Return status and text of an answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with closing(http.client.HTTPConnection(address, timeout=10)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def _image() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photograph(320, 240)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Secrets, _Gateway]]:
    """Run the gateway of docker-compose.yml, with Redis as there and another store."""
    folder = tmp_path_factory.mktemp("stack")
    secrets = Secrets.made(folder / "secrets")
    with (
        moto_server(folder) as store,
        _redis(secrets, folder) as port,
        _gateway(secrets, store, port, folder) as gateway,
    ):
        yield secrets, gateway


@_WITH_REDIS
def test_the_gateway_works_with_what_compose_gives_it(stack: tuple[Secrets, _Gateway]) -> None:
    """An image is stored small and restored; Redis refuses none of what the gateway asks for."""
    _, gateway = stack
    with s3_client(gateway.server) as client:
        client.create_bucket(Bucket="photos")
        client.put_object(Bucket="photos", Key="a.png", Body=_image(), ContentType="image/png")
        answer = client.get_object(Bucket="photos", Key="a.png")
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-slimgate-tier"] in _TIERS
        with Image.open(io.BytesIO(answer["Body"].read())) as image:
            assert (image.format, image.size) == ("PNG", (320, 240))
    counted = dict(_REDIS_RESULTS.findall(gateway.metrics()))
    assert float(counted["miss"]) > 0
    assert not {"error", "refused", "skipped"} & set(counted)


@_WITH_REDIS
def test_the_health_check_of_the_image_passes(stack: tuple[Secrets, _Gateway]) -> None:
    """It finds the address and the token where the gateway finds them."""
    _, gateway = stack
    (check,) = [rest for instruction, rest in dockerfile() if instruction == "HEALTHCHECK"]
    command = json.loads(check.partition("CMD ")[2])
    command[0] = str(Path(sys.executable).with_name(command[0]))
    for token, expected in ((None, 0), ("wrong", 1)):
        environ = dict(gateway.environ)
        if token:
            del environ["SLIMGATE_ADMIN__TOKEN_FILE"]
            environ["SLIMGATE_ADMIN__TOKEN"] = token
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == expected, done.stderr


@_WITH_REDIS
@_WITH_PROMETHEUS
def test_prometheus_may_read_the_metrics(stack: tuple[Secrets, _Gateway], tmp_path: Path) -> None:
    """With the token of the file it finds the gateway up, and all rules load."""
    secrets, gateway = stack
    for file in (FOLDER / "prometheus.yml", ALERTS):
        text = secrets.placed(file.read_text("utf-8"))
        text = text.replace("scrape_interval: 15s", "scrape_interval: 1s")
        (tmp_path / file.name).write_text(text.replace("gateway:9001", gateway.admin, 1))
    port = free_port()
    command = ["prometheus", f"--config.file={tmp_path / 'prometheus.yml'}"]
    place = [f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    with running([*command, *place], tmp_path / "prometheus.log"):
        wait_until(lambda: answers(port), "the start of Prometheus")
        address = f"127.0.0.1:{port}"
        wait_until(lambda: _get(address, "/-/ready")[0] == HTTPStatus.OK, "its storage")

        def scraped() -> list[dict[str, str]]:
            targets = json.loads(_get(address, "/api/v1/targets")[1])["data"]["activeTargets"]
            return [target for target in targets if target["health"] != "unknown"]

        wait_until(lambda: bool(scraped()), "a scrape")
        assert [(t["health"], t["lastError"]) for t in scraped()] == [("up", "")]
        groups = json.loads(_get(address, "/api/v1/rules")[1])["data"]["groups"]
        assert [group["name"] for group in groups] == ["slimgate"]
