"""The object store behind the gateway, and who may use it through the gateway."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.base import Frozen, contradiction
from config.network import endpoint_url, is_ip
from config.values import AccessKey, SecretKey


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
        default="path",
        description="where the bucket goes: path, or virtual (in the host name, if its name fits)",
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
    pool_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=300,
        description="longest wait for one of these, seconds; beyond it: 503 SlowDown",
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
    signature_v2: bool = Field(
        default=False,
        description="accept the weaker Signature Version 2 from this key (boto 2, git-annex)",
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
