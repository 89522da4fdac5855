"""The credentials of clients."""

from typing import Self

from pydantic import Field, model_validator

from slimgate.config.base import Frozen, contradiction
from slimgate.config.upstream_credentials import UpstreamCredentials
from slimgate.config.values import AccessKey, SecretKey, SessionToken


class Credential(Frozen):
    """A client's key pair, and the credentials that sign its requests to the store."""

    access_key: AccessKey = Field(description="access key of the client")
    secret_key: SecretKey = Field(description="secret key of the client")
    session_token: SessionToken | None = Field(
        default=None,
        description="session token that the client must send with this pair, and that is passed on "
        "where the pair signs for the store; null: none",
    )
    upstream: UpstreamCredentials | None = Field(
        default=None, description="credentials for the store; null: the client's pair"
    )
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
    def _has_one_upstream(self) -> Self:
        if (self.upstream_access_key is None) != (self.upstream_secret_key is None):
            raise contradiction(
                (), "set both upstream_access_key and upstream_secret_key, or neither"
            )
        if self.upstream is not None and self.upstream_access_key is not None:
            raise contradiction(
                ("upstream",), "says the same as upstream_access_key: remove one of the two"
            )
        return self

    @property
    def other_upstream(self) -> UpstreamCredentials | None:
        """Return the credentials for the store; None: the client's pair."""
        if self.upstream is not None:
            return self.upstream
        if self.upstream_access_key is not None:
            return UpstreamCredentials(
                access_key=self.upstream_access_key, secret_key=self.upstream_secret_key
            )
        return None
