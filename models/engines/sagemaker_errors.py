"""Translate errors of SageMaker."""

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from slimgate.models.engine.network import CannotRun, EngineError, TooLate

_THROTTLED: Final = {"ThrottlingException", "Throttling", "TooManyRequestsException"}
_CONFIGURATION: Final = {
    "AccessDeniedException",
    "AccessDenied",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "UnrecognizedClientException",
    "ValidationError",  # also for unknown endpoints
    "ValidationException",
}


def is_throttled(error: ClientError) -> bool:
    """Return whether the same request may succeed later."""
    return _code(error) in _THROTTLED or _status(error) == 429


def translated(error: ClientError | BotoCoreError, endpoint: str) -> EngineError:
    """Return the error for an exception of the client library.

    Args:
        error: exception.
        endpoint: name of the endpoint.
    """
    if isinstance(error, ClientError):
        told = f"endpoint {endpoint}: {_code(error)}: {error.response['Error'].get('Message', '')}"
        if _code(error) in _CONFIGURATION:
            return CannotRun(f"{told}; check the endpoint's name, region and permissions")
        return EngineError(told)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | NoRegionError):
        return CannotRun(f"endpoint {endpoint}: {error}; configure credentials as for the AWS CLI")
    if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        return TooLate(f"endpoint {endpoint} did not respond in time")
    return EngineError(f"endpoint {endpoint}: {error}")


def _code(error: ClientError) -> str:
    code: str = error.response["Error"].get("Code", "")
    return code


def _status(error: ClientError) -> int:
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status
