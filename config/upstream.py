"""Settings of the object store, and the credentials of clients."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from slimgate.config.base import Frozen, contradiction
from slimgate.config.network import endpoint_url, is_ip
from slimgate.config.values import AccessKey, SecretKey


class Upstream(Frozen):
    """The object store behind the gateway."""

    endpoint: Annotated[str, AfterValidator(endpoint_url)] = Field(
        max_length=512, description="URL of the object store: scheme, host and port"
    )
    region: str = Field(
        default="us-east-1",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="region in signatures for the store",
    )
    addressing: Literal["path", "virtual"] = Field(
        default="path",
        description="bucket addressing: path, or virtual (in the host name, where the name "
        "allows it)",
    )
    connect_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=300,
        description="timeout for opening a connection to the store, seconds",
    )
    read_timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="idle timeout of the store, seconds"
    )
    max_connections: int = Field(
        default=256, ge=1, le=10_000, description="maximum connections to the store"
    )
    pool_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=300,
        description="timeout for a free connection, seconds; then 503 SlowDown",
    )

    @model_validator(mode="after")
    def _virtual_needs_a_name(self) -> Self:
        if self.addressing == "virtual" and is_ip(urlsplit(self.endpoint).hostname or ""):
            reason = "virtual needs an endpoint with a host name, not an IP address"
            raise contradiction(("addressing",), reason)
        return self


class Credential(Frozen):
    """A client's key pair, and the pair that signs its requests to the store."""

    access_key: AccessKey = Field(description="access key of the client")
    secret_key: SecretKey = Field(description="secret key of the client")
    upstream_access_key: AccessKey | None = Field(
        default=None, description="access key for the store; null: same as the client's"
    )
    upstream_secret_key: SecretKey | None = Field(
        default=None, description="secret key for the store; null: same as the client's"
    )
    signature_v2: bool = Field(
        default=False,
        description="also accept the weaker Signature Version 2 (boto 2, git-annex)",
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.upstream_access_key is None) != (self.upstream_secret_key is None):
            raise contradiction(
                (), "set both upstream_access_key and upstream_secret_key, or neither"
            )
        return self

    @property
    def upstream(self) -> tuple[str, SecretStr]:
        """Return access key and secret key for the store."""
        if self.upstream_access_key is None or self.upstream_secret_key is None:
            return self.access_key, self.secret_key
        return self.upstream_access_key, self.upstream_secret_key
