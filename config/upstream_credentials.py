"""Where the credentials come from that sign requests to the store."""

from typing import Annotated, Final, Self

from pydantic import Field, SecretStr, model_validator

from slimgate.config.base import Frozen, contradiction
from slimgate.config.values import AccessKey, FilePath, SecretKey, SessionToken

_OF_ROLE: Final = ("external_id", "session_name", "duration_s", "web_identity_token_file")
_KINDS: Final = "access_key and secret_key, role_arn, profile, or chain: true"

# IAM and STS API reference: AssumeRole and AssumeRoleWithWebIdentity.
RoleArn = Annotated[str, Field(pattern=r"^arn:[!-~]{16,2044}$")]
ExternalId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$")]
SessionName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@-]{2,64}$")]
Profile = Annotated[str, Field(pattern=r"^[^\x00-\x1f\]]{1,128}$")]


class UpstreamCredentials(Frozen):
    """Credentials for the store: a fixed pair, a role, a profile, or the default chain."""

    access_key: AccessKey | None = Field(default=None, description="access key of a fixed pair")
    secret_key: SecretKey | None = Field(default=None, description="secret key of a fixed pair")
    session_token: SessionToken | None = Field(
        default=None, description="session token that belongs to a fixed pair"
    )
    role_arn: RoleArn | None = Field(
        default=None,
        description="role to assume, by `web_identity_token_file` or else with the credentials of "
        "the default chain",
    )
    external_id: ExternalId | None = Field(
        default=None, description="external ID that the role's trust policy demands"
    )
    session_name: SessionName = Field(
        default="slimgate", description="name of the role's sessions, in the store's audit log"
    )
    duration_s: int = Field(
        default=3600, ge=900, le=43_200, description="lifetime of a role's credentials, seconds"
    )
    web_identity_token_file: FilePath | None = Field(
        default=None,
        description="file with the OIDC token that assumes the role; read at every refresh",
    )
    profile: Profile | None = Field(
        default=None, description="profile of the AWS configuration files"
    )
    chain: bool = Field(
        default=False,
        description="the default chain: environment, configuration files, container (ECS, EKS Pod "
        "Identity), instance (IMDSv2)",
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise contradiction((), "set both access_key and secret_key, or neither")
        kinds = (self.access_key, self.role_arn, self.profile, self.chain or None)
        if sum(kind is not None for kind in kinds) != 1:
            raise contradiction((), f"set exactly one of {_KINDS}")
        if self.session_token is not None and self.access_key is None:
            raise contradiction(("session_token",), "belongs to access_key and secret_key")
        if self.role_arn is None:
            for name in sorted(set(_OF_ROLE) & self.model_fields_set):
                raise contradiction((name,), "needs role_arn")
        if self.external_id is not None and self.web_identity_token_file is not None:
            raise contradiction(("external_id",), "cannot be sent with a web identity token")
        return self

    @property
    def pair(self) -> tuple[str, SecretStr, SecretStr | None] | None:
        """Return access key, secret key and session token of a fixed pair; None: another kind."""
        if self.access_key is None or self.secret_key is None:
            return None
        return self.access_key, self.secret_key, self.session_token

    @property
    def name(self) -> str:
        """Return what logs and metrics call it."""
        if self.role_arn is not None:
            return f"role {self.role_arn}"
        if self.profile is not None:
            return f"profile {self.profile}"
        return "chain" if self.chain else f"key {self.access_key}"
