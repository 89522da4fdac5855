"""The configuration of a gateway."""

from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from slimgate.config.base import LISTED, Frozen, contradiction
from slimgate.config.cache import Cache
from slimgate.config.credential import Credential
from slimgate.config.deferred import Deferred
from slimgate.config.engine import Engine
from slimgate.config.index import Index
from slimgate.config.limits import Limits
from slimgate.config.manifests import Manifests
from slimgate.config.matching import shadowed
from slimgate.config.network import MAX_HOST, host_name, listen_address, split_listen
from slimgate.config.operators import Admin, Ledger, Tracing
from slimgate.config.policy import Policy
from slimgate.config.upstream import Upstream
from slimgate.config.values import FilePath

MAX_POLICIES: Final = 1000

Domain = Annotated[str, Field(min_length=1, max_length=MAX_HOST), AfterValidator(host_name)]


class Tls(Frozen):
    """The gateway's certificate for https, as PEM files."""

    certificate: FilePath | None = Field(
        default=None,
        description="file with the certificate chain, PEM; null: http",
    )
    key: FilePath | None = Field(
        default=None, description="file with the unencrypted private key, PEM"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise contradiction((), "set both tls.certificate and tls.key, or neither")
        return self

    @property
    def files(self) -> tuple[str, str] | None:
        """Return the files of certificate and key; None for http."""
        if self.certificate is None or self.key is None:
            return None
        return self.certificate, self.key


class Settings(Frozen):
    """The configuration of one gateway; create it with `slimgate.config.loading.load`."""

    processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="number of gateway processes; they share the port, the engine and all limits",
    )
    listen: Annotated[str, AfterValidator(listen_address)] = Field(
        default="127.0.0.1:9000",
        max_length=300,
        description="host and port to listen on; port 0: any free port",
    )
    tls: Tls = Field(default=Tls(), description="https instead of http")
    domains: Annotated[tuple[Domain, ...], LISTED] = Field(
        default=("localhost",),
        max_length=32,
        description="domain names of the gateway, for virtual-hosted addressing (`bucket.name`)",
    )
    upstream: Upstream = Field(description="the object store behind the gateway")
    credentials: Annotated[tuple[Credential, ...], LISTED] = Field(
        default=(), max_length=10_000, description="key pairs of clients"
    )
    credentials_file: FilePath | None = Field(
        default=None,
        description="file with more key pairs of clients, a list like `credentials` in JSON or "
        "YAML, reloaded when it changes; null: none",
    )
    cache: Cache = Field(default=Cache(), description="caches of restored files")
    index: Index = Field(default=Index(), description="index of object sizes for listings")
    deferred: Deferred = Field(
        default=Deferred(), description="optimizing in the background, after uploads"
    )
    engine: Engine = Field(default=Engine(), description="workers and the engine for networks")
    limits: Limits = Field(default=Limits(), description="limits of the gateway as a whole")
    manifests: Manifests = Field(default=Manifests(), description="sealing of manifests")
    tracing: Tracing = Field(default=Tracing(), description="traces of requests")
    ledger: Ledger = Field(default=Ledger(), description="results of shadow policies")
    admin: Admin = Field(default=Admin(), description="admin listener")
    shutdown_timeout_s: float = Field(
        default=60.0,
        ge=0,
        le=3600,
        description="grace period for requests in flight after SIGTERM, seconds",
    )
    heartbeat_timeout_s: float = Field(
        default=30.0,
        ge=5,
        le=3600,
        description="heartbeat timeout of gateway processes (if several) and the engine, "
        "seconds; then they are replaced",
    )
    policies: Annotated[tuple[Policy, ...], LISTED] = Field(
        default=(),
        max_length=MAX_POLICIES,
        description="storage policies; the first match wins, unmatched objects are stored as "
        "uploaded",
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if not self.credentials and self.credentials_file is None:
            raise contradiction(("credentials",), "add a key pair, or set credentials_file")
        _refuse_repeated("domains", self.domains, ())
        access_keys = [credential.access_key for credential in self.credentials]
        _refuse_repeated("credentials", access_keys, ("access_key",))
        _refuse_repeated("policies", [policy.name for policy in self.policies], ("name",))
        if self.index.access_key not in {None, *access_keys}:
            raise contradiction(("index", "access_key"), "is not among credentials: add it there")
        for position, earlier in shadowed(self.policies):
            name = self.policies[earlier].name
            reason = (
                f"can never match: policy '{name}' matches the same objects first; "
                "reorder or remove one"
            )
            raise contradiction(("policies", position), reason)
        self._can_defer(access_keys)
        self._names_files_once()
        for position, policy in enumerate(self.policies):
            if policy.originals.access_key not in {None, *access_keys}:
                at = ("policies", position, "originals", "access_key")
                raise contradiction(at, "is not among credentials: add it there")
            if policy.limits.max_bytes > self.limits.max_buffered_bytes // self.processes:
                at = ("policies", position, "limits", "max_bytes")
                each = "" if self.processes == 1 else " divided by processes"
                raise contradiction(
                    at, f"must not exceed limits.max_buffered_bytes{each}: lower it, or raise that"
                )
        if self.engine.workers != "auto" and self.engine.workers < self.processes:
            reason = "must not exceed engine.workers: each process needs at least one worker"
            raise contradiction(("processes",), reason)
        if self.admin.tls and self.tls.files is None:
            reason = "needs a certificate: set tls.certificate and tls.key"
            raise contradiction(("admin", "tls"), reason)
        return self

    def _can_defer(self, access_keys: Sequence[str]) -> None:
        if self.deferred.queue == "redis" and self.cache.redis.url is None:
            raise contradiction(("deferred", "queue"), "needs a Redis: set cache.redis.url")
        in_file = self.credentials_file is not None
        if not in_file and self.deferred.access_key not in {None, *access_keys}:
            raise contradiction(
                ("deferred", "access_key"), "is not among credentials: add it there"
            )

    def _names_files_once(self) -> None:
        # Each of them would set the other's file aside.
        known: dict[str, str] = {}
        for at, path in (
            (("index", "path"), self.index.path),
            (("deferred", "path"), self.deferred.path),
            (("admin", "history"), self.admin.history),
        ):
            if path is not None and known.setdefault(path, ".".join(at)) != ".".join(at):
                raise contradiction(at, f"is the file of {known[path]}: name another one")

    @property
    def address(self) -> tuple[str, int]:
        """Return host, without brackets, and port of the public listener."""
        return split_listen(self.listen)


def _refuse_repeated(key: str, values: Sequence[str], rest: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for position, value in enumerate(values):
        if value in seen:
            raise contradiction((key, position, *rest), "is a duplicate; it must be unique")
        seen.add(value)
