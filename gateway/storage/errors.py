"""What the store's answers to requests of the gateway's own amount to, decided in one place.

    Exception
    ├── S3Error            SlowDown or ServiceUnavailable: try again
    └── StoreError
        ├── Changed        another has written to the object, or removed it
        └── Denied         the store does not allow what is needed

``codec.optimize.Refused`` is none of these: there the store would, but the object stays as it is.
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
    """The store has answered, but not with what was asked for."""


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
