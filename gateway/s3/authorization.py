"""Read what a request claims about its signature, in a header or the query.

Claims are unverified: ``slimgate.gateway.s3.sigv4`` verifies them.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.http_date import parse_http_date

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SIGNATURE_PARAMETER: Final = "x-amz-signature"

_STAMP: Final = re.compile("([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
MAX_SKEW: Final = datetime.timedelta(minutes=15)
"""Largest clock difference between client and gateway."""

_MAX_SIGNED_HEADERS: Final = 128
# Keys derived for a region stay in memory.
_MAX_REGION: Final = 64
_MAX_CREDENTIAL: Final = 512
_MAX_EXPIRES_S: Final = 604_800  # one week: S3 API reference, "Authenticating Requests: Query"
_HEADER_FAULT: Final = "AuthorizationHeaderMalformed"
_QUERY_FAULT: Final = "AuthorizationQueryParametersError"
_UNSUPPORTED: Final = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)
_OTHER_MECHANISMS: Final = frozenset({"AWS", "AWS4-ECDSA-P256-SHA256"})
_PARAMETERS: Final = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signedheaders",
        SIGNATURE_PARAMETER,
    }
)
# Any of these marks a presigned request; the others also occur in unsigned ones.
_V4_MARKERS: Final = frozenset({"x-amz-algorithm", "x-amz-credential", SIGNATURE_PARAMETER})
_VERSION_2: Final = frozenset({"AWSAccessKeyId", "Signature"})


@dataclass(frozen=True, slots=True)
class Claim:
    """The claimed signer, time and scope of a signature.

    Attributes:
        access_key: Access key of the signer.
        region: Any region, as signed.
        time: Signing time, UTC.
        signed_headers: Unique lower-case names.
        signature: Hexadecimal digits as sent, unverified.
        expires_s: Lifetime of a presigned request, seconds; None for a signature in a header.
    """

    access_key: str
    region: str
    time: datetime.datetime
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)
    expires_s: int | None

    @property
    def timestamp(self) -> str:
        """Return the signing time as it was signed."""
        # Not strftime, which does not pad years below 1000 on every platform.
        t = self.time
        return f"{t.year:04}{t.month:02}{t.day:02}T{t.hour:02}{t.minute:02}{t.second:02}Z"

    @property
    def scope(self) -> str:
        """Return the credential scope as it was signed."""
        return f"{self.timestamp[:8]}/{self.region}/s3/aws4_request"


def is_version_4(query: Sequence[tuple[str, str]]) -> bool:
    """Return whether decoded parameters claim a version 4 signature."""
    return any(name.lower() in _V4_MARKERS for name, _ in query)


def read_claim(headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> Claim | None:
    """Return the claim of a request.

    Args:
        headers: Folded headers (lower-case names).
        query: Decoded query parameters.

    Returns:
        The claim, or None for an unsigned request.

    Raises:
        S3Error: The claim is malformed or unsupported, or there are two.
    """
    in_query = is_version_4(query)
    version_2 = any(name in _VERSION_2 for name, _ in query)
    if "authorization" in headers:
        if in_query or version_2:
            raise S3Error("InvalidArgument", "Only one auth mechanism allowed")
        return _from_header(headers)
    if in_query and version_2:
        raise S3Error("InvalidArgument", "Only one auth mechanism allowed")
    if in_query:
        return _from_query(query)
    if version_2:
        raise S3Error("InvalidRequest", _UNSUPPORTED)
    return None


def _from_header(headers: Mapping[str, str]) -> Claim:
    mechanism, _, rest = headers["authorization"].partition(" ")
    if mechanism in _OTHER_MECHANISMS:
        raise S3Error("InvalidRequest", _UNSUPPORTED)
    if mechanism != ALGORITHM:
        raise S3Error("InvalidArgument", "Unsupported Authorization Type")
    fields = _fields(rest)
    time = signing_time(headers)
    access_key, region = credential(fields["Credential"], time, _HEADER_FAULT)
    signed = _signed_headers(fields["SignedHeaders"], _HEADER_FAULT)
    return Claim(access_key, region, time, signed, fields["Signature"], None)


def _fields(text: str) -> dict[str, str]:
    # Limit the split, so that a long header costs nothing.
    parts = [part.strip().partition("=") for part in text.split(",", 3)]
    fields = {name: value for name, _, value in parts}
    if len(parts) != 3 or fields.keys() != {"Credential", "SignedHeaders", "Signature"}:
        raise S3Error(
            _HEADER_FAULT,
            "The authorization header is malformed; it must have exactly Credential, "
            "SignedHeaders and Signature.",
        )
    return fields


def signing_time(headers: Mapping[str, str]) -> datetime.datetime:
    """Return the signing time from the headers; ``x-amz-date`` takes precedence over ``date``.

    Raises:
        S3Error: AccessDenied if neither holds a valid time.
    """
    stamp = headers.get("x-amz-date", headers.get("date"))
    time = None if stamp is None else basic_time(stamp) or parse_http_date(stamp)
    if time is None:
        raise S3Error(
            "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"
        )
    return time


def basic_time(stamp: str) -> datetime.datetime | None:
    """Return a time in the form ``yyyyMMddTHHmmssZ``; None for anything else."""
    found = _STAMP.fullmatch(stamp)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        return None


def credential(text: str, time: datetime.datetime, fault: str) -> tuple[str, str]:
    """Return access key and region of a credential.

    Args:
        text: ``<access key>/YYYYMMDD/REGION/s3/aws4_request``.
        time: Signing time, whose date it has to have.
        fault: Code of the error.

    Raises:
        S3Error: It is malformed.
    """
    parts = text.rsplit("/", 4) if len(text) <= _MAX_CREDENTIAL else []
    if len(parts) != 5 or not all(parts) or len(parts[2]) > _MAX_REGION:
        raise S3Error(
            fault,
            "The credential is malformed; "
            'expecting "<access key>/YYYYMMDD/REGION/s3/aws4_request".',
        )
    access_key, date, region, service, terminator = parts
    if (service, terminator) != ("s3", "aws4_request"):
        raise S3Error(fault, 'The credential scope must end with "/s3/aws4_request".')
    if date != f"{time.year:04}{time.month:02}{time.day:02}":
        raise S3Error(
            fault, "The date of the credential scope differs from the date of the request."
        )
    return access_key, region


def _signed_headers(text: str, fault: str) -> tuple[str, ...]:
    names = tuple(text.split(";", _MAX_SIGNED_HEADERS))
    if len(names) > _MAX_SIGNED_HEADERS:
        raise S3Error(fault, f"Sign at most {_MAX_SIGNED_HEADERS} headers.")
    if len(set(names)) != len(names) or any(not name or name != name.lower() for name in names):
        raise S3Error(fault, "SignedHeaders must be unique lower-case names.")
    return names


def _from_query(query: Sequence[tuple[str, str]]) -> Claim:
    found = [(name.lower(), value) for name, value in query if name.lower() in _PARAMETERS]
    values = dict(found)
    mechanism = values.get("x-amz-algorithm")
    if mechanism in _OTHER_MECHANISMS:
        raise S3Error("InvalidRequest", _UNSUPPORTED)
    if len(found) != len(_PARAMETERS) or values.keys() != _PARAMETERS:
        raise S3Error(
            _QUERY_FAULT,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters, each exactly once.",
        )
    if mechanism != ALGORITHM:
        raise S3Error(_QUERY_FAULT, f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    time = basic_time(values["x-amz-date"])
    if time is None:
        raise S3Error(_QUERY_FAULT, 'X-Amz-Date must be in the format "yyyyMMddTHHmmssZ"')
    access_key, region = credential(values["x-amz-credential"], time, _QUERY_FAULT)
    signed = _signed_headers(values["x-amz-signedheaders"], _QUERY_FAULT)
    expires_s = _expires(values["x-amz-expires"])
    return Claim(access_key, region, time, signed, values[SIGNATURE_PARAMETER], expires_s)


def _expires(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise S3Error(_QUERY_FAULT, "X-Amz-Expires should be a number")
    if text.startswith("-"):
        raise S3Error(_QUERY_FAULT, "X-Amz-Expires must be non-negative")
    # Seven digits exceed a week: do not convert longer numbers.
    if len(digits) > 6 or int(digits) > _MAX_EXPIRES_S:
        raise S3Error(
            _QUERY_FAULT,
            f"X-Amz-Expires must be less than a week (in seconds); that is, {_MAX_EXPIRES_S}",
        )
    return int(digits)
