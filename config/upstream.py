"""Settings of the object store."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from slimgate.config.base import Frozen, contradiction
from slimgate.config.network import endpoint_url, is_ip


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
    sts_endpoint: Annotated[str, AfterValidator(endpoint_url)] | None = Field(
        default=None,
        max_length=512,
        description="URL of the STS that roles are assumed at; null: AWS STS in `region`",
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
