"""What the store's answers to requests of the gateway's own amount to, decided in one place.

    Exception
    ├── S3Error            SlowDown or ServiceUnavailable: try again
    └── StoreError
        ├── Changed        another has written to the object, or removed it
        └── Denied         the store does not allow what is needed

``codec.reasons.Refused`` is none of these: there the store would, but the object stays as it is.
"""

from http import HTTPStatus
from typing import Final

from gateway.s3.errors import S3Error
from gateway.storage.messages import Response

CONFLICT: Final = frozenset(
    {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
)
"""Answers to a PutObject with If-Match: another ETag, no object, or another such write just now."""

_TRY_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class StoreError(Exception):
    """The store has answered, but not with what was asked for.

    Args:
        message: What happened, and what the person can do.
        detail: The status or the subresource alone, for :class:`codec.reasons.Refused`.
    """

    def __init__(self, message: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class Changed(StoreError):
    """Another has written to the object or removed it meanwhile; theirs is what counts."""


class Denied(StoreError):
    """The store does not allow what is needed; the message says what."""


def check_available(response: Response) -> None:
    """Check that the store was able to answer.

    Raises:
        S3Error: ServiceUnavailable: the same request may succeed later.
    """
    if response.status in _TRY_AGAIN or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        message = f"The store answered {response.method} with {response.status}."
        raise S3Error("ServiceUnavailable", message)


def check_found(response: Response) -> None:
    """Check that HEAD or GET of an object was answered with the object.

    Raises:
        Changed: It is not there any more, or another than its condition names.
        Denied: The store does not show it.
        S3Error: ServiceUnavailable: the same request may succeed later.
    """
    if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED}:
        raise Changed
    check_available(response)
    if response.status != HTTPStatus.OK:
        raise Denied(
            f"{response.method} was answered with {response.status}: may this key read it?"
        )
