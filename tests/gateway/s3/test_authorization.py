import datetime

import pytest

from slimgate.gateway.s3.authorization import Claim, read_claim
from slimgate.gateway.s3.errors import S3Error

_CREDENTIAL = "AKID/20240501/eu-west-1/s3/aws4_request"
_HEADER = f"AWS4-HMAC-SHA256 Credential={_CREDENTIAL}, SignedHeaders=host;x-amz-date, Signature=ab"
_HEADERS = {"authorization": _HEADER, "x-amz-date": "20240501T120000Z"}
_QUERY = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": _CREDENTIAL,
    "X-Amz-Date": "20240501T120000Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "ab",
}
_TIME = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
_MALFORMED = "AuthorizationHeaderMalformed"
_PARAMETERS = "AuthorizationQueryParametersError"


def _error(headers: dict[str, str], query: list[tuple[str, str]]) -> S3Error:
    with pytest.raises(S3Error) as caught:
        read_claim(headers, query)
    return caught.value


@pytest.mark.parametrize(
    "headers",
    [
        _HEADERS,
        {**_HEADERS, "authorization": _HEADER.replace(", ", ",")},
        {**_HEADERS, "date": "Wed, 01 May 2024 13:00:00 GMT"},
        {"authorization": _HEADER, "date": "Wed, 01 May 2024 12:00:00 GMT"},
        {"authorization": _HEADER, "date": "20240501T120000Z"},
    ],
)
def test_header_form(headers: dict[str, str]) -> None:
    """The parts of an Authorization header are found, with the time of the effective date."""
    claim = read_claim(headers, [])
    assert claim == Claim("AKID", "eu-west-1", _TIME, ("host", "x-amz-date"), "ab", None)
    assert claim.timestamp == "20240501T120000Z"
    assert claim.scope == "20240501/eu-west-1/s3/aws4_request"


def test_query_form() -> None:
    """The parts of a presigned query are found."""
    expected = Claim("AKID", "eu-west-1", _TIME, ("host",), "ab", 60)
    assert read_claim({"host": "h"}, list(_QUERY.items())) == expected


def test_access_keys_may_hold_slashes() -> None:
    """The scope is counted from its end."""
    header = _HEADER.replace("AKID", "a/b/c")
    claim = read_claim({**_HEADERS, "authorization": header}, [])
    assert claim is not None
    assert claim.access_key == "a/b/c"


@pytest.mark.parametrize("query", [[], [("acl", "")], [("X-Amz-Date", "20240501T120000Z")]])
def test_anonymous(query: list[tuple[str, str]]) -> None:
    """A request without a signature is anonymous."""
    assert read_claim({"host": "h", "date": "x"}, query) is None


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("AWS AKID:c2ln", "InvalidRequest"),
        ("AWS4-ECDSA-P256-SHA256 Credential=x", "InvalidRequest"),
        ("Basic dTpw", "InvalidArgument"),
        ("", "InvalidArgument"),
        ("AWS4-HMAC-SHA256", _MALFORMED),
        ("AWS4-HMAC-SHA256 ,,,,", _MALFORMED),
        (_HEADER.replace("Credential=", "Credentials="), _MALFORMED),
        (_HEADER + ", Signature=cd", _MALFORMED),
        (_HEADER.replace("SignedHeaders=host;x-amz-date, ", ""), _MALFORMED),
        (_HEADER.replace("/s3/", "/ec2/"), _MALFORMED),
        (_HEADER.replace("aws4_request", "aws4_reques"), _MALFORMED),
        (_HEADER.replace("20240501", "20240502"), _MALFORMED),
        (_HEADER.replace("eu-west-1", ""), _MALFORMED),
        (_HEADER.replace(_CREDENTIAL, "AKID"), _MALFORMED),
        (_HEADER.replace("host;", "Host;"), _MALFORMED),
        (_HEADER.replace("host;", "x-amz-date;"), _MALFORMED),
        (_HEADER.replace("host;", "host;;"), _MALFORMED),
        (_HEADER.replace("host;", ";".join(f"h{n}" for n in range(200)) + ";"), _MALFORMED),
    ],
)
def test_malformed_headers(authorization: str, code: str) -> None:
    """Every defect of an Authorization header has the code that S3 gives."""
    assert _error({**_HEADERS, "authorization": authorization}, []).code == code


@pytest.mark.parametrize(
    "dates",
    [
        {},
        {"x-amz-date": "yesterday"},
        {"x-amz-date": "20240501T1200Z"},
        {"x-amz-date": "20241301T120000Z"},
        {"x-amz-date": "2024051T 120000Z"},
        {"x-amz-date": "2024050\u0661T120000Z"},
        {"x-amz-date": "bad", "date": "Wed, 01 May 2024 12:00:00 GMT"},
        {"date": "yesterday"},
    ],
)
def test_dates(dates: dict[str, str]) -> None:
    """A signed request without a readable date is refused."""
    assert _error({"authorization": _HEADER, **dates}, []).code == "AccessDenied"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"}, "InvalidRequest"),
        ({"X-Amz-Algorithm": "AWS4"}, _PARAMETERS),
        ({"X-Amz-Date": "Wed, 01 May 2024 12:00:00 GMT"}, _PARAMETERS),
        ({"X-Amz-Date": "20240502T120000Z"}, _PARAMETERS),
        ({"X-Amz-Credential": "AKID"}, _PARAMETERS),
        ({"X-Amz-Credential": _CREDENTIAL.replace("AKID", "a" * 500)}, _PARAMETERS),
        ({"X-Amz-Credential": _CREDENTIAL.replace("eu-west-1", "r" * 65)}, _PARAMETERS),
        ({"X-Amz-Credential": _CREDENTIAL.replace("s3", "sts")}, _PARAMETERS),
        ({"X-Amz-SignedHeaders": ""}, _PARAMETERS),
        ({"X-Amz-Expires": ""}, _PARAMETERS),
        ({"X-Amz-Expires": "1.5"}, _PARAMETERS),
        ({"X-Amz-Expires": "-1"}, _PARAMETERS),
        ({"X-Amz-Expires": "--1"}, _PARAMETERS),
        ({"X-Amz-Expires": "604801"}, _PARAMETERS),
        ({"X-Amz-Expires": "9" * 9999}, _PARAMETERS),
        ({"X-Amz-Expires": "\u0661"}, _PARAMETERS),
        ({"x-amz-expires": "60"}, _PARAMETERS),
    ],
)
def test_malformed_queries(changes: dict[str, str], code: str) -> None:
    """Every defect of a presigned query has the code that S3 gives."""
    assert _error({}, list({**_QUERY, **changes}.items())).code == code


@pytest.mark.parametrize("missing", sorted(_QUERY))
def test_incomplete_queries(missing: str) -> None:
    """A presigned query needs each of its parameters."""
    query = [(name, value) for name, value in _QUERY.items() if name != missing]
    assert _error({}, query).code == _PARAMETERS


@pytest.mark.parametrize("expires", ["0", "604800"])
def test_expires_bounds(expires: str) -> None:
    """Zero seconds and exactly a week are allowed."""
    claim = read_claim({}, list({**_QUERY, "X-Amz-Expires": expires}.items()))
    assert claim is not None
    assert claim.expires_s == int(expires)


@pytest.mark.parametrize("name", ["AWSAccessKeyId", "Signature"])
def test_version_2_queries(name: str) -> None:
    """Presigned URLs of signature version 2 are refused by name."""
    error = _error({}, [(name, "x")])
    assert error.code == "InvalidRequest"
    assert "Please use AWS4-HMAC-SHA256." in error.message


@pytest.mark.parametrize("query", [list(_QUERY.items()), [("AWSAccessKeyId", "x")]])
def test_two_mechanisms(query: list[tuple[str, str]]) -> None:
    """A header and a query that both carry a signature contradict each other."""
    error = _error(_HEADERS, query)
    assert (error.code, error.message) == ("InvalidArgument", "Only one auth mechanism allowed")
