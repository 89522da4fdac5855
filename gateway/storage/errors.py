"""Errors of the gateway's own requests to the store, decided in one place.

    Exception
    ├── S3Error            SlowDown or ServiceUnavailable: try again
    └── StoreError
        ├── Changed        another client has replaced or deleted the object
        └── Denied         the store does not permit the request

``slimgate.codec.reasons.Refused`` is not one of them: the store would permit it, but the object
stays as it is.
"""

from http import HTTPStatus
from typing import Final

from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.messages import Response

CONFLICT: Final = frozenset(
    {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
)
"""Responses to a PutObject with If-Match: another ETag, no object, or a concurrent write."""

_TRY_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class StoreError(Exception):
    """The store responded, but not with success.

    Args:
        message: What happened, and what the person can do.
        detail: Status or subresource alone, for :class:`slimgate.codec.reasons.Refused`.
    """

    def __init__(self, message: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class Changed(StoreError):
    """Another client has replaced or deleted the object; its write counts."""


class Gone(Changed):
    """There is no such object, or no such bucket."""


class Denied(StoreError):
    """The store does not permit the request; the message says which."""


def check_available(response: Response) -> None:
    """Check that the store was able to respond.

    Raises:
        S3Error: ServiceUnavailable: a retry may succeed.
    """
    if response.status in _TRY_AGAIN or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        message = f"The store answered {response.method} with {response.status}."
        raise S3Error("ServiceUnavailable", message)


def check_found(response: Response) -> None:
    """Check that the response to HEAD or GET is the object.

    Raises:
        Gone: There is none.
        Changed: The object does not match its condition.
        Denied: The store does not permit reading it.
        S3Error: ServiceUnavailable: a retry may succeed.
    """
    if response.status == HTTPStatus.NOT_FOUND:
        raise Gone
    if response.status == HTTPStatus.PRECONDITION_FAILED:
        raise Changed
    check_available(response)
    if response.status != HTTPStatus.OK:
        raise Denied(
            f"{response.method} was answered with {response.status}: may this key read it?"
        )


def error_code(body: bytes) -> str:
    """Return the code of an error; empty if the body is none."""
    try:
        return s3xml.text(s3xml.parse(body), "Code")
    except S3Error:
        return ""
