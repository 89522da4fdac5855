"""The whole configuration of a gateway, apart from what one policy says."""

from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from config.base import LISTED, Frozen, contradiction
from config.cache import Cache
from config.engine import Engine
from config.limits import Limits
from config.manifests import Manifests
from config.matching import shadowed
from config.network import MAX_HOST, host_name, listen_address, split_listen
from config.operators import Admin, Ledger, Tracing
from config.policy import Policy
from config.upstream import Credential, Upstream
from config.values import FilePath

MAX_POLICIES: Final = 1000

Domain = Annotated[str, Field(min_length=1, max_length=MAX_HOST), AfterValidator(host_name)]


class Tls(Frozen):
    """What the gateway shows that it is itself, for https; both files are PEM."""

    certificate: FilePath | None = Field(
        default=None,
        description="file with the certificate and those that vouch for it; null: http",
    )
    key: FilePath | None = Field(
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
    manifests: Manifests = Field(
        default=Manifests(), description="notes in the store that tell how objects are restored"
    )
    tracing: Tracing = Field(default=Tracing(), description="traces of requests")
    ledger: Ledger = Field(default=Ledger(), description="what shadow policies find out")
    admin: Admin = Field(default=Admin(), description="the listener for operators")
    shutdown_timeout_s: float = Field(
        default=60.0,
        ge=0,
        le=3600,
        description="time that requests in flight may take to finish after SIGTERM, seconds",
    )
    heartbeat_timeout_s: float = Field(
        default=30.0,
        ge=5,
        le=3600,
        description="silence after which a process of several, or the engine, is replaced, seconds",
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
        if self.admin.tls and self.tls.files is None:
            reason = "needs a certificate: set tls.certificate and tls.key"
            raise contradiction(("admin", "tls"), reason)
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
