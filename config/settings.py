"""The whole configuration of a gateway, apart from what one policy says."""

import os
from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    SecretStr,
    field_validator,
    model_validator,
)

from config.base import LISTED, Frozen, contradiction
from config.matching import shadowed
from config.network import (
    MAX_HOST,
    endpoint_url,
    host_name,
    is_ip,
    is_loopback,
    listen_address,
    split_listen,
)
from config.policy import Policy
from config.redisurl import RedisPlace, redis_place
from config.units import ByteCount, PixelCount

MAX_POLICIES: Final = 1000
_MAX_WORKERS: Final = 256


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be printable text without spaces or line ends around it")
    return value


def _workers(value: object) -> int | Literal["auto"]:
    if value == "auto":
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_WORKERS:
        return value
    raise ValueError(f"must be auto or a whole number from 1 to {_MAX_WORKERS}")


def _redis_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        redis_place(value.get_secret_value())
    return value


def _traces_url(value: str | None) -> str | None:
    parts = urlsplit(value or "")
    good = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
    if value is not None and not (good and value.isprintable() and " " not in value):
        raise ValueError("must be a URL such as http://host:4318/v1/traces")
    return value


# Slash and comma separate the parts of an Authorization header in Signature Version 4.
AccessKey = Annotated[str, Field(pattern=r"^[!-+\-.0-~]{1,128}$")]
SecretKey = Annotated[SecretStr, AfterValidator(_secret), Field(min_length=1, max_length=1024)]
_FilePath = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]
Domain = Annotated[str, Field(min_length=1, max_length=MAX_HOST), AfterValidator(host_name)]


class Upstream(Frozen):
    """The object store behind the gateway."""

    endpoint: Annotated[str, AfterValidator(endpoint_url)] = Field(
        max_length=512, description="URL of the store: scheme, host and port"
    )
    region: str = Field(
        default="us-east-1",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="region that requests to the store are signed for",
    )
    addressing: Literal["path", "virtual"] = Field(
        default="path", description="where the bucket goes: path, or virtual (in the host name)"
    )
    connect_timeout_s: float = Field(
        default=5.0, gt=0, le=300, description="longest wait for a connection, seconds"
    )
    read_timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="longest silence of the store, seconds"
    )
    max_connections: int = Field(
        default=256, ge=1, le=10_000, description="connections to the store at the same time"
    )

    @model_validator(mode="after")
    def _virtual_needs_a_name(self) -> Self:
        if self.addressing == "virtual" and is_ip(urlsplit(self.endpoint).hostname or ""):
            reason = "virtual needs an endpoint with a host name, not an IP address"
            raise contradiction(("addressing",), reason)
        return self


class Credential(Frozen):
    """A key pair of a client, and the pair that its requests are sent on with."""

    access_key: AccessKey = Field(description="access key that a client signs with")
    secret_key: SecretKey = Field(description="its secret")
    upstream_access_key: AccessKey | None = Field(
        default=None, description="access key for the store; null: the client's own"
    )
    upstream_secret_key: SecretKey | None = Field(
        default=None, description="its secret; null: the client's own"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.upstream_access_key is None) != (self.upstream_secret_key is None):
            raise contradiction((), "upstream_access_key and upstream_secret_key go together")
        return self

    @property
    def upstream(self) -> tuple[str, SecretStr]:
        """Return access key and secret for the store."""
        if self.upstream_access_key is None or self.upstream_secret_key is None:
            return self.access_key, self.secret_key
        return self.upstream_access_key, self.upstream_secret_key


class RedisCacheSettings(Frozen):
    """Restored files kept in Redis, where several gateways find them."""

    url: Annotated[SecretStr | None, AfterValidator(_redis_url)] = Field(
        default=None,
        description="URL: `redis://`, `rediss://`, `unix://`, `redis+sentinel://` or "
        "`redis+cluster://`; null: no Redis",
    )
    ttl_s: int = Field(
        default=86_400, ge=1, le=366 * 86_400, description="time that a file is kept, seconds"
    )
    max_entry_bytes: ByteCount = Field(
        default=8 * 2**20, ge=1, le=512 * 2**20, description="largest file that is kept there"
    )
    timeout_ms: float = Field(
        default=250.0,
        ge=1,
        le=10_000,
        description="longest wait for Redis; then files are restored without it, milliseconds",
    )
    lease_s: float = Field(
        default=3.0,
        ge=0.1,
        le=60,
        description="time after which another gateway restores what one that died was restoring,"
        " seconds",
    )

    @property
    def place(self) -> RedisPlace | None:
        """Return where Redis is; None where there is none."""
        return None if self.url is None else redis_place(self.url.get_secret_value())


class Cache(Frozen):
    """Restored files kept in the memory of the gateway, and in Redis behind that."""

    max_bytes: ByteCount = Field(
        default=256 * 2**20,
        le=2**40,
        description="size of the cache in memory; 0 switches it off",
    )
    ttl_s: float = Field(
        default=3600.0,
        gt=0,
        le=366 * 86_400,
        description="time that a file is kept in memory, seconds",
    )
    redis: RedisCacheSettings = Field(
        default=RedisCacheSettings(), description="a cache that gateways share"
    )


class SageMaker(Frozen):
    """A real-time endpoint that enlarges images, for the engine sagemaker."""

    endpoint: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9]){0,62}$",
        description="name of the endpoint",
    )
    region: str = Field(
        default="us-east-1", pattern=r"^[a-z0-9-]{1,64}$", description="region of the endpoint"
    )


class Engine(Frozen):
    """The processes that decode, encode and restore images, and what runs networks."""

    workers: Annotated[int | Literal["auto"], PlainValidator(_workers)] = Field(
        default="auto", description="number of processes; auto: one per core"
    )
    worker_memory: ByteCount = Field(
        default=2 * 2**30, ge=256 * 2**20, le=2**40, description="memory that one process may use"
    )
    max_queue: int = Field(
        default=64, ge=1, le=10_000, description="jobs that may wait; beyond it: 503 SlowDown"
    )
    max_queue_wait_s: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="longest wait in that queue, seconds; beyond it: 503 SlowDown",
    )
    backend: Literal["openvino", "torch", "sagemaker"] = Field(
        default="openvino", description="what runs networks: openvino, torch or sagemaker"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="for torch: auto (a GPU where there is one), cpu or cuda"
    )
    threads: int = Field(
        default=0, ge=0, le=1024, description="threads of one batch; 0: one per core"
    )
    max_batch: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="tiles that are computed at the same time; 0: 2 on processors, 16 on GPUs",
    )
    max_wait_ms: float = Field(
        default=2.0,
        ge=0,
        le=1000,
        description="time that a tile waits for others to share its batch, milliseconds",
    )
    max_pixels_in_flight: PixelCount = Field(
        default=400 * 10**6,
        ge=10**6,
        le=10**12,
        description="restored pixels that may be in flight; beyond it: 503 SlowDown",
    )
    sagemaker: SageMaker = Field(default=SageMaker(), description="for the engine sagemaker")

    @model_validator(mode="after")
    def _endpoint_is_named(self) -> Self:
        if self.backend == "sagemaker" and self.sagemaker.endpoint is None:
            reason = "the backend sagemaker needs sagemaker.endpoint, the name of the endpoint"
            raise contradiction(("backend",), reason)
        return self

    @property
    def worker_count(self) -> int:
        """Return the number of processes; for auto, that of the cores this process may use."""
        return min(_cores(), _MAX_WORKERS) if self.workers == "auto" else self.workers


class Feedback(Frozen):
    """What operators think of restored images, kept for training."""

    path: _FilePath | None = Field(
        default=None,
        description="file for thumbs up and down, a JSON line each; null: none are asked for",
    )
    max_bytes: ByteCount = Field(
        default=64 * 2**20,
        ge=2**12,
        le=2**40,
        description="size at which that file becomes `….1`, in place of an earlier one",
    )
    images: _FilePath | None = Field(
        default=None, description="folder that keeps the images of a verdict; null: none are kept"
    )
    images_max_bytes: ByteCount = Field(
        default=2**30, ge=2**20, le=2**50, description="size at which no more images are kept there"
    )

    @model_validator(mode="after")
    def _images_need_lines(self) -> Self:
        if self.images is not None and self.path is None:
            raise contradiction(("images",), "images are kept with a verdict: set path, too")
        return self


class Admin(Frozen):
    """The listener for operators: health, metrics and the playground, never on the public one."""

    listen: str | None = Field(
        default=None,
        max_length=300,
        description="host and port for health checks, metrics and the playground; null: none",
    )
    token: SecretKey | None = Field(
        default=None,
        description="what operators sign in with, or send as a bearer token; null: none needed",
    )
    feedback: Feedback = Field(default=Feedback(), description="verdicts kept for training")
    price_per_gb_month: float = Field(
        default=0.023,
        ge=0,
        le=1000,
        description="US dollars for 2^30 bytes and a month; S3 Standard, us-east-1, 2025-10-28",
    )

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, text: str | None) -> str | None:
        return None if text is None else listen_address(text)

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.address and self.token is None and not is_loopback(self.address[0]):
            raise contradiction(("listen",), "an address that others can reach needs admin.token")
        return self

    @property
    def address(self) -> tuple[str, int] | None:
        """Return host, without brackets, and port; None where nothing listens."""
        return None if self.listen is None else split_listen(self.listen)


class Limits(Frozen):
    """What the gateway as a whole may hold and do at the same time."""

    max_connections: int = Field(
        default=1024,
        ge=1,
        le=100_000,
        description="connections of clients at a time; beyond it: 503 SlowDown",
    )
    head_timeout_s: float = Field(
        default=20.0, gt=0, le=3600, description="time for the head of a request, seconds"
    )
    keepalive_timeout_s: float = Field(
        default=75.0,
        gt=0,
        le=3600,
        description="time that a connection may be idle between requests, seconds",
    )
    client_timeout_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="longest silence of a client within a body or an answer, seconds",
    )
    min_client_rate: ByteCount = Field(
        default=2**10,
        ge=1,
        le=2**30,
        description="slowest transfer of a body or an answer, bytes per second",
    )
    max_buffered_bytes: ByteCount = Field(
        default=512 * 2**20,
        ge=2**20,
        le=2**40,
        description="uploads, renditions and restored files in memory at a time",
    )
    max_spooled_bytes: ByteCount = Field(
        default=5 * 2**30,
        ge=2**20,
        le=2**50,
        description="bodies that do not tell their length, on disk at a time",
    )
    max_listing_heads: int = Field(
        default=32, ge=1, le=1000, description="requests to the store at a time for one listing"
    )
    max_header_bytes: ByteCount = Field(
        default=16 * 2**10, ge=8 * 2**10, le=2**20, description="size of one request header field"
    )
    list_index_entries: int = Field(
        default=1_000_000, ge=1, le=10**8, description="objects whose size listings remember"
    )


class Tracing(Frozen):
    """Traces for an OpenTelemetry collector."""

    endpoint: Annotated[str | None, AfterValidator(_traces_url)] = Field(
        default=None,
        max_length=512,
        description="OTLP/HTTP URL for traces, such as http://host:4318/v1/traces; null: none",
    )
    sample: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="share of the requests that are traced; who sends `traceparent` decides itself",
    )


class Ledger(Frozen):
    """A file that says, for each upload under a shadow policy, what would have been saved."""

    path: _FilePath | None = Field(
        default=None,
        description="file for what shadow policies find out, a JSON line per upload; null: none",
    )
    max_bytes: ByteCount = Field(
        default=64 * 2**20,
        ge=2**12,
        le=2**40,
        description="size at which that file becomes `….1`, in place of an earlier one",
    )


class Tls(Frozen):
    """What the gateway shows that it is itself, for https; both files are PEM."""

    certificate: _FilePath | None = Field(
        default=None,
        description="file with the certificate and those that vouch for it; null: http",
    )
    key: _FilePath | None = Field(
        default=None, description="file with its private key, without a pass phrase"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise contradiction((), "certificate and key go together")
        return self

    @property
    def files(self) -> tuple[str, str] | None:
        """Return certificate and key; None for http."""
        if self.certificate is None or self.key is None:
            return None
        return self.certificate, self.key


class Settings(Frozen):
    """The configuration of one gateway; `config.loading.load` makes it."""

    processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="processes that share the port, the engine and all limits",
    )
    listen: Annotated[str, AfterValidator(listen_address)] = Field(
        default="127.0.0.1:9000",
        max_length=300,
        description="host and port to listen on; port 0: any free one",
    )
    tls: Tls = Field(default=Tls(), description="https instead of http")
    domains: Annotated[tuple[Domain, ...], LISTED] = Field(
        default=("localhost",),
        max_length=32,
        description="names of the gateway; `bucket.name` then addresses a bucket",
    )
    upstream: Upstream = Field(description="the object store behind the gateway")
    credentials: Annotated[tuple[Credential, ...], LISTED] = Field(
        min_length=1, max_length=10_000, description="who may use the gateway"
    )
    cache: Cache = Field(default=Cache(), description="restored files kept in memory")
    engine: Engine = Field(default=Engine(), description="processes that work on images")
    limits: Limits = Field(default=Limits(), description="what the gateway as a whole may use")
    tracing: Tracing = Field(default=Tracing(), description="traces of requests")
    ledger: Ledger = Field(default=Ledger(), description="what shadow policies find out")
    admin: Admin = Field(default=Admin(), description="the listener for operators")
    shutdown_timeout_s: float = Field(
        default=60.0,
        ge=0,
        le=3600,
        description="time that requests in flight may take to finish after SIGTERM, seconds",
    )
    policies: Annotated[tuple[Policy, ...], LISTED] = Field(
        default=(),
        max_length=MAX_POLICIES,
        description="how objects are stored; the first match wins, no match: as uploaded",
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        _refuse_repeated("domains", self.domains, ())
        access_keys = [credential.access_key for credential in self.credentials]
        _refuse_repeated("credentials", access_keys, ("access_key",))
        _refuse_repeated("policies", [policy.name for policy in self.policies], ("name",))
        for position, earlier in shadowed(self.policies):
            name = self.policies[earlier].name
            reason = f"can never match: policy '{name}' before it takes the same buckets and keys"
            raise contradiction(("policies", position), reason)
        for position, policy in enumerate(self.policies):
            if policy.limits.max_bytes > self.limits.max_buffered_bytes // self.processes:
                at = ("policies", position, "limits", "max_bytes")
                each = "" if self.processes == 1 else " divided by processes"
                raise contradiction(at, f"must not exceed limits.max_buffered_bytes{each}")
        if self.engine.workers != "auto" and self.engine.workers < self.processes:
            reason = "must not exceed engine.workers: each process needs at least one of them"
            raise contradiction(("processes",), reason)
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Return host, without brackets, and port to listen on."""
        return split_listen(self.listen)


def _refuse_repeated(key: str, values: Sequence[str], rest: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for position, value in enumerate(values):
        if value in seen:
            raise contradiction((key, position, *rest), "occurs a second time; it must be unique")
        seen.add(value)


def _cores() -> int:
    # Inside a container with pinned cores the machine has more of them than this process may use.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
