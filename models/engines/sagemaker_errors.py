"""What the errors of SageMaker mean for whoever waits for an image."""

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

from models.engine.network import CannotRun, EngineError, TooLate

_THROTTLED: Final = {"ThrottlingException", "Throttling", "TooManyRequestsException"}
_CONFIGURATION: Final = {
    "AccessDeniedException",
    "AccessDenied",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "UnrecognizedClientException",
    "ValidationError",  # also: there is no such endpoint
    "ValidationException",
}


def is_throttled(error: ClientError) -> bool:
    """Return whether the same request may succeed a little later."""
    return _code(error) in _THROTTLED or _status(error) == 429


def translated(error: ClientError | BotoCoreError, endpoint: str) -> EngineError:
    """Say what an error of the client library means.

    Args:
        error: Any that it raises.
        endpoint: The name of the endpoint.
    """
    if isinstance(error, ClientError):
        told = f"endpoint {endpoint}: {_code(error)}: {error.response['Error'].get('Message', '')}"
        if _code(error) in _CONFIGURATION:
            return CannotRun(f"{told}; check the endpoint's name, its region and the permissions")
        return EngineError(told)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | NoRegionError):
        return CannotRun(f"endpoint {endpoint}: {error}; configure credentials as for the AWS CLI")
    if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        return TooLate(f"endpoint {endpoint} gave no answer in time")
    return EngineError(f"endpoint {endpoint}: {error}")


def _code(error: ClientError) -> str:
    code: str = error.response["Error"].get("Code", "")
    return code


def _status(error: ClientError) -> int:
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status
