"""S3 errors that the gateway raises.

Codes, statuses and messages follow the Amazon S3 API reference, "Error responses".
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from xml.sax.saxutils import escape

_TABLE: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        "AccessDenied": (403, "Access Denied"),
        "AuthorizationHeaderMalformed": (
            400,
            "The authorization header that you provided is not valid.",
        ),
        "AuthorizationQueryParametersError": (
            400,
            "The query parameters of the presigned request are not valid.",
        ),
        "BadDigest": (
            400,
            (
                "The Content-MD5 or checksum value that you specified did not match what the "
                "server received."
            ),
        ),
        "BadRequest": (400, "An error occurred when parsing the HTTP request."),
        "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size."),
        "EntityTooSmall": (
            400,
            "Your proposed upload is smaller than the minimum allowed object size.",
        ),
        "ExpiredToken": (400, "The provided token has expired."),
        "IncompleteBody": (
            400,
            "You did not provide the number of bytes specified by the Content-Length HTTP header.",
        ),
        "InternalError": (500, "We encountered an internal error. Please try again."),
        "InvalidAccessKeyId": (
            403,
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        "InvalidArgument": (400, "Invalid Argument"),
        "InvalidBucketName": (400, "The specified bucket is not valid."),
        "InvalidChunkSizeError": (
            403,
            "Only the last chunk is allowed to have a size less than 8192 bytes",
        ),
        "InvalidDigest": (
            400,
            "The Content-MD5 or checksum value that you specified is not valid.",
        ),
        "InvalidPolicyDocument": (
            400,
            "The content of the form does not meet the conditions in the policy document.",
        ),
        "InvalidRange": (416, "The requested range is not satisfiable"),
        "InvalidRequest": (400, "Invalid Request"),
        "InvalidToken": (400, "The provided token is malformed or otherwise invalid."),
        "InvalidURI": (400, "Couldn't parse the specified URI."),
        "KeyTooLongError": (400, "Your key is too long"),
        "MalformedPOSTRequest": (
            400,
            "The body of your POST request is not well-formed multipart/form-data.",
        ),
        "MalformedTrailerError": (
            400,
            "The request contained trailing data that was not well-formed.",
        ),
        "MalformedXML": (
            400,
            (
                "The XML that you provided was not well formed or did not validate against our "
                "published schema."
            ),
        ),
        "MaxPostPreDataLengthExceededError": (
            400,
            "Your POST request fields preceding the upload file were too large.",
        ),
        "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
        "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
        "NotImplemented": (
            501,
            "A header you provided implies functionality that is not implemented.",
        ),
        "PreconditionFailed": (
            412,
            "At least one of the preconditions that you specified did not hold.",
        ),
        "RequestHeaderSectionTooLarge": (
            400,
            (
                "Your request header and query parameters used to make the request exceed the "
                "maximum allowed size."
            ),
        ),
        "RequestTimeTooSkewed": (
            403,
            "The difference between the request time and the server's time is too large.",
        ),
        "RequestTimeout": (
            400,
            (
                "Your socket connection to the server was not read from or written to within the "
                "timeout period."
            ),
        ),
        "ServiceUnavailable": (
            503,
            "The object store behind this gateway cannot be reached. Please try again.",
        ),
        "SignatureDoesNotMatch": (
            403,
            (
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method."
            ),
        ),
        "SlowDown": (503, "Please reduce your request rate."),
        "XAmzContentSHA256Mismatch": (
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
    }
)

_RETRY_AFTER_S: Final = {"SlowDown": "1", "ServiceUnavailable": "5"}


class S3Error(Exception):
    """An error response of the S3 API.

    Args:
        code: Code in the table; an unknown one is a bug (``KeyError``).
        message: What the person should know or do; defaults to the message in the table.
        retry_after_s: When to ask again, seconds; None: the usual time for the code.
    """

    def __init__(
        self, code: str, message: str | None = None, *, retry_after_s: float | None = None
    ) -> None:
        self.code = code
        self._retry_after_s = retry_after_s
        self.status, standard = _TABLE[code]
        self.message = message or standard
        super().__init__(f"{code}: {self.message}")

    @property
    def headers(self) -> dict[str, str]:
        """Return additional response headers."""
        retry_after = _RETRY_AFTER_S.get(self.code)
        if self._retry_after_s is not None:
            retry_after = str(max(1, math.ceil(self._retry_after_s)))
        return {"Retry-After": retry_after} if retry_after else {}

    def to_xml(self, *, resource: str, request_id: str) -> bytes:
        """Return the body of the error response.

        Args:
            resource: Request path as sent; characters that XML cannot represent are dropped.
            request_id: Value of the ``x-amz-request-id`` header.
        """
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{_text(self.message)}</Message>"
            f"<Resource>{_text(resource)}</Resource>"
            f"<RequestId>{_text(request_id)}</RequestId></Error>"
        ).encode()


def _text(value: str) -> str:
    # XML forbids control characters, noncharacters and lone surrogates even when escaped.
    return escape("".join(char for char in value if char.isprintable()))


def known_codes() -> dict[str, HTTPStatus]:
    """Return the status of every code in the table."""
    return {code: HTTPStatus(status) for code, (status, _) in _TABLE.items()}
