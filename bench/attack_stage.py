"""What stands around an attack: stores, Redis, and a gateway with default settings."""

import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import psutil
import trustme
import yaml

from bench import attack_objects
from bench.attack_kinds import BUCKET
from bench.echo import READY, key_of
from slimgate.config import Settings
from slimgate.eval.demo.processes import Server
from slimgate.eval.demo.servers import ACCESS_KEY, SECRET_KEY, gateway_address, s3_client
from slimgate.gateway.workers.capacity import memory_needed
from tests.servers import redis
from tests.servers.server import free_port

_START_S: Final = 60.0
_TLS: Final = "-tls"
_POLICY: Final = {"name": "photos", "bucket": "photos", "mode": "optimize", "anonymous": True}
"""Attackers need no key."""

_OBJECTS: Final = frozenset({"broken-objects", "costly-objects", "long-names", "redis-values"})
"""Attacks with hostile objects, in a store that holds some."""

_CHANGES: Final[Mapping[str, Mapping[str, Any]]] = {
    "many-clients": {
        "limits": {
            "per_address": {"requests_per_s": 1000, "connections": 512},
            "per_identity": {"requests_per_s": 1000, "jobs": 2},
        }
    },
    "redis-values": {"cache": {"max_bytes": 0}},
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """The attacked gateway.

    Attributes:
        url: presigned URL of an object of 1 KiB.
        upload: presigned path and query of an upload that workers get.
        operators: HOST:PORT of the admin listener.
        process: operating-system process.
        context: TLS context that trusts its certificate; None: http.
        redis: port of its Redis; 0: none.
        memory: memory that it may take with every limit reached, bytes.
    """

    url: str
    upload: str
    operators: str
    process: psutil.Process
    context: ssl.SSLContext | None
    redis: int
    memory: int


@dataclass(frozen=True, slots=True)
class Stores:
    """Two stores.

    Attributes:
        costless: URL of a store without costs.
        objects: URL of one that holds objects.
    """

    costless: str
    objects: str


@contextmanager
def stores() -> Iterator[Stores]:
    """Start both stores."""
    with ExitStack() as stack:
        started = [
            Server([sys.executable, "-m", f"bench.{module}"], ready=_announced)
            for module in ("echo", "memory_store")
        ]
        addresses = [stack.enter_context(each).address(_START_S) for each in started]
        yield Stores(*(f"http://{address}" for address in addresses))


@contextmanager
def gateway(checkout: Path, behind: Stores, name: str) -> Iterator[Gateway]:
    """Start the gateway that an attack needs.

    Args:
        checkout: checkout with its ``.venv``.
        behind: stores.
        name: name of the attack.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slimgate-")))
        store = behind.objects if name in _OBJECTS else behind.costless
        settings = {**_settings(store), **_CHANGES.get(name, {})}
        if name == "wrong-tokens":
            settings["admin"] = {**settings["admin"], "token": token_hex(16)}
        port = 0
        if name == "redis-values":
            server = stack.enter_context(redis.RedisServer(folder))
            port = server.port
            settings["cache"] = {**settings["cache"], "redis": {"url": server.url}}
        context = _certified(folder, settings) if name.endswith(_TLS) else None
        served = _served(checkout, folder, settings, stack)
        scheme = "http" if context is None else "https"
        s3 = s3_client(f"{scheme}://{served.address(_START_S)}")
        if name in _OBJECTS:
            attack_objects.fill(s3, store)
        url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": key_of(1024)})
        upload = s3.generate_presigned_url("put_object", {"Bucket": "photos", "Key": "large"})
        path = upload.partition("://")[2].partition("/")[2]
        process = psutil.Process(served.process.pid)
        memory = memory_needed(Settings.model_validate(settings))
        yield Gateway(url, f"/{path}", settings["admin"]["listen"], process, context, port, memory)


def _announced(line: str) -> str | None:
    _, found, rest = line.partition(READY)
    return rest.strip() if found else None


def _settings(store: str) -> dict[str, Any]:
    return {
        "listen": "127.0.0.1:0",
        "upstream": {"endpoint": store},
        "credentials": [{"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}],
        "policies": [_POLICY],
        "admin": {"listen": f"127.0.0.1:{free_port()}"},
    }


def _served(checkout: Path, folder: Path, settings: Mapping[str, Any], stack: ExitStack) -> Server:
    file = folder / "slimgate.yaml"
    file.write_text(yaml.safe_dump(dict(settings)))
    python = str(checkout / ".venv" / "bin" / "python")
    # The default limit of open files on most systems; the gateway raises its own limit.
    inside = ["sh", "-c", 'ulimit -Sn 1024; cd "$0"; exec "$@"', str(checkout)]
    command = [*inside, python, "-m", "slimgate", "serve", "--config", str(file)]
    return stack.enter_context(Server(command, ready=gateway_address))


def _certified(folder: Path, settings: dict[str, Any]) -> ssl.SSLContext:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made.private_key_pem.write_to_path(str(key))
    certificate.write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
    settings["tls"] = {"certificate": str(certificate), "key": str(key)}
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
