"""Say why credentials for the store cannot be obtained, and what to do."""

from collections.abc import Mapping
from typing import Final

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004  # of botocore
    HTTPClientError,
    NoCredentialsError,
    ProfileNotFound,
)

from slimgate.config import Upstream, UpstreamCredentials

_WEB_TOKEN: Final = "check the web identity token and the identity provider of the account"  # noqa: S105

# AWS STS API reference, AssumeRole and AssumeRoleWithWebIdentity, and "Common errors".
_ADVICE: Final[Mapping[str, str]] = {
    "AccessDenied": "check its trust policy",
    "ExpiredTokenException": "its web identity token has expired: is the file still renewed?",
    "IDPCommunicationError": _WEB_TOKEN,
    "IDPRejectedClaim": _WEB_TOKEN,
    "InvalidIdentityToken": _WEB_TOKEN,
    "InvalidClientTokenId": "check the credentials that assume it",
    "PackedPolicyTooLarge": "shorten the tags of the session",
    "RegionDisabledException": "activate STS in the region of upstream.region",
    "SignatureDoesNotMatch": "check the credentials that assume it",
    "ValidationError": "check duration_s against the longest session of the role",
}

_SOURCES: Final = (
    "set AWS_ variables, name a profile that has some, or give the pod or instance a role"
)


def explained(error: Exception, wanted: UpstreamCredentials, upstream: Upstream) -> str:
    """Return what happened, and what the operator should check; free of secrets.

    Args:
        error: What a provider has raised.
        wanted: The credentials.
        upstream: Region and STS endpoint.
    """
    return f"{wanted.name}: {_what_happened(error, wanted, upstream)}"


def _what_happened(error: Exception, wanted: UpstreamCredentials, upstream: Upstream) -> str:
    match error:
        case ClientError():
            code = str(error.response.get("Error", {}).get("Code", ""))[:64]
            return f"could not be assumed: {code or 'unknown error'}; {_advice(code, wanted)}"
        case ProfileNotFound():
            return "is in neither ~/.aws/config nor ~/.aws/credentials"
        case NoCredentialsError():
            return f"no credentials found: {_SOURCES}"
        case HTTPClientError() | ConnectionError():
            where = upstream.sts_endpoint or f"the STS of {upstream.region}"
            return f"{where} does not respond ({type(error).__name__}); check upstream.sts_endpoint"
        case OSError(filename=str(file)):
            return f"{file}: {error.strerror}"
    # Texts of other errors may repeat what a server or a program has answered.
    return type(error).__name__


def _advice(code: str, wanted: UpstreamCredentials) -> str:
    if code == "AccessDenied" and wanted.external_id is not None:
        return "check its trust policy and external_id"
    return _ADVICE.get(code, "see the errors of AWS STS")
