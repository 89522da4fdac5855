"""Signature Version 2: botocore signs, the gateway verifies."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3.client_keys import ClientKey, ClientKeys
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.query import read
from slimgate.gateway.s3.sigv2 import is_claimed, is_presigned, verify
from slimgate.gateway.s3.sigv2_text import SIGNED
from slimgate.gateway.s3.sigv4 import Verified, WireRequest

_NOW: Final = datetime.now(UTC)
_KEYS: Final = ClientKeys(
    {"key": ClientKey("secret", version_2=True), "new": ClientKey("secret")}.get
)
_USER: Final = Credentials("key", "secret")
_CONTROL: Final = [chr(code) for code in (*range(32), 127)]

_Headers = dict[str, str]


def _presigned(
    path: str, *, method: str = "GET", expires: int = 3600, headers: _Headers | None = None,
    auth_path: str | None = None, user: Credentials = _USER,
) -> WireRequest:  # fmt: skip
    request = AWSRequest(method=method, url=f"http://gateway{path}", headers=headers or {})
    request.auth_path = auth_path
    HmacV1QueryAuth(user, expires).add_auth(request)
    url: Any = urlsplit(request.url)
    return WireRequest(method, url.path, url.query, tuple((headers or {}).items()))


def _in_header(
    path: str, *, method: str = "GET", headers: _Headers | None = None,
    auth_path: str | None = None, user: Credentials = _USER,
) -> WireRequest:  # fmt: skip
    request = AWSRequest(method=method, url=f"http://gateway{path}", headers=headers or {})
    request.auth_path = auth_path
    HmacV1Auth(user).add_auth(request)
    url: Any = urlsplit(request.url)
    return WireRequest(method, url.path, url.query, tuple(request.headers.items()))


_BOTH: Final = [_in_header, _presigned]
_Sign = Callable[..., WireRequest]


def _verified(request: WireRequest, bucket: str = "", now: datetime = _NOW) -> Verified:
    assert is_claimed(request)
    return verify(request, bucket, _KEYS, now)


def _code(request: WireRequest, bucket: str = "", now: datetime = _NOW) -> str:
    with pytest.raises(S3Error) as raised:
        _verified(request, bucket, now)
    return raised.value.code


def _changed(request: WireRequest, **facts: Any) -> WireRequest:
    names = ("method", "raw_path", "raw_query", "headers")
    return WireRequest(**{name: getattr(request, name) for name in names} | facts)


_keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


@given(
    key=_keys.map(quote),
    query=st.sampled_from(
        ["", "?versionId=a%2Fb", "?response-content-type=a%2Fb&response-expires=1", "?acl",
         "?partNumber=1&uploadId=a", "?acl=", "?uploads"]
    ),
    method=st.sampled_from(["GET", "PUT", "HEAD", "DELETE", "POST"]),
    sign=st.sampled_from(_BOTH),
)  # fmt: skip
def test_what_botocore_signs_is_verified(key: str, query: str, method: str, sign: _Sign) -> None:
    """Any key, method and query that botocore has signed is accepted."""
    verified = _verified(sign(f"/bucket/{key}{query}", method=method))
    assert (verified.access_key, verified.payload_hash) == ("key", "UNSIGNED-PAYLOAD")
    assert verified.presigned == (sign is _presigned)


def test_all_subresources_that_clients_sign_are_signed() -> None:
    """Every parameter that botocore signs is signed here, and no other of its kind."""
    assert set(HmacV1Auth.QSAOfInterest) == SIGNED


@pytest.mark.parametrize("sign", _BOTH)
@pytest.mark.parametrize("name", sorted(SIGNED))
def test_no_subresource_can_be_added(sign: _Sign, name: str) -> None:
    """A sub-resource that was not signed breaks the signature, with a value or without."""
    request = sign("/bucket/key")
    for added in (name, f"{name}=", f"{name}=x"):
        query = "&".join(filter(None, (request.raw_query, added)))
        assert _code(_changed(request, raw_query=query)) == "SignatureDoesNotMatch"


_UNSIGNED: Final = [
    "legal-hold", "retention", "attributes", "encryption", "policyStatus", "publicAccessBlock",
    "ownershipControls", "intelligent-tiering", "renameObject", "append", "position", "session",
    "metadataTable", "x-id", "anything", "ACL", "a%63l%00", "x-amz-acl",
]  # fmt: skip


@pytest.mark.parametrize("name", _UNSIGNED)
@pytest.mark.parametrize("sign", _BOTH)
def test_unsigned_subresources_are_refused(sign: _Sign, name: str) -> None:
    """Unsigned parameters are refused, intended or not."""
    before = sign(f"/bucket/key?{name}=1")
    request = sign("/bucket/key")
    after = "&".join(filter(None, (request.raw_query, f"{name}=1")))
    refused = {"InvalidRequest", "InvalidArgument"}
    if (sign, name) == (_presigned, "x-amz-acl"):
        refused = {"SignatureDoesNotMatch"}  # there it is a header
    assert _code(before) in refused
    assert _code(_changed(request, raw_query=after)) in refused


@pytest.mark.parametrize("name", ["prefix", "max-keys", "list-type", "marker", "delimiter"])
def test_listings_are_signed_in_headers_alone(name: str) -> None:
    """Header signers may page listings freely; bearers of a URL may not."""
    path = f"/bucket?{name}=1"
    assert _verified(_in_header(path)).access_key == "key"
    assert _code(_presigned(path)) == "InvalidRequest"


@pytest.mark.parametrize("sign", _BOTH)
def test_headers_are_signed(sign: _Sign) -> None:
    """Metadata, digest and content type are a part of what was signed."""
    headers = {"Content-Type": "image/png", "Content-MD5": "x", "x-amz-meta-a": "1  2"}
    request = sign("/bucket/key", method="PUT", headers=headers)
    assert _verified(request).access_key == "key"
    for name in headers:
        other = tuple((n, "other" if n == name else v) for n, v in request.headers)
        assert _code(_changed(request, headers=other)) in {
            "SignatureDoesNotMatch", "InvalidArgument"
        }  # fmt: skip


@pytest.mark.parametrize("sign", _BOTH)
def test_virtual_hosts_are_signed_with_their_bucket(sign: _Sign) -> None:
    """The bucket of a virtual host is a part of the signed resource."""
    request = sign("/key", auth_path="/bucket/key")
    assert _verified(request, bucket="bucket").access_key == "key"
    assert _code(request, bucket="other") == "SignatureDoesNotMatch"
    assert _code(request) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("sign", _BOTH)
@pytest.mark.parametrize("auth_path", ["/bucket", "/bucket/"])
def test_buckets_may_end_with_a_slash(sign: _Sign, auth_path: str) -> None:
    """Clients sign a bucket with a slash at its end or without; a key is another matter."""
    for path, bucket in (("/bucket", ""), ("/bucket/", ""), ("/", "bucket")):
        assert _verified(sign(path, auth_path=auth_path), bucket).access_key == "key"
    for path in ("/bucket//", "/bucket/k", "/bucke"):
        assert _code(sign(path, auth_path=auth_path)) == "SignatureDoesNotMatch"
    assert _code(sign("//", auth_path=auth_path), "bucket") == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"raw_path": "/bucket/other"}, "SignatureDoesNotMatch"),
        ({"method": "PUT"}, "SignatureDoesNotMatch"),
        ({"headers": (("x-amz-acl", "public-read"),)}, "SignatureDoesNotMatch"),
        ({"headers": (("Content-Type", "text/html"),)}, "SignatureDoesNotMatch"),
        ({"headers": (("Authorization", "AWS4-HMAC-SHA256 x"),)}, "InvalidArgument"),
        ({"headers": (("Authorization", "AWS key:x"),)}, "InvalidArgument"),
        ({"headers": (("x-amz-content-sha256", "junk"),)}, "SignatureDoesNotMatch"),
    ],
)
def test_altered_urls_are_refused(changed: dict[str, Any], code: str) -> None:
    """Nothing that was signed can be changed."""
    assert _code(_changed(_presigned("/bucket/key"), **changed)) == code


@pytest.mark.parametrize(
    "added",
    [
        "AWSAccessKeyId=key", "AWSAccessKeyId=new", "Signature=x", "Expires=1",
        "X-Amz-Signature=x", "x-amz-algorithm=AWS4-HMAC-SHA256", "X-Amz-Credential=key",
        "versionId=1", "versionid=1", "x-amz-acl=private", "X-Amz-Acl=private",
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_repetitions_and_mixtures_are_refused(added: str, first: bool) -> None:
    """A parameter that occurs twice, or another signature, is refused wherever it stands."""
    headers = {"x-amz-acl": "private"}
    request = _presigned("/bucket/key?versionId=1", headers=headers)
    query = f"{added}&{request.raw_query}" if first else f"{request.raw_query}&{added}"
    assert _code(_changed(request, raw_query=query, headers=())) == "InvalidArgument"


@pytest.mark.parametrize(
    "name", ["Authorization", "Date", "Content-Type", "Content-MD5", "Host", "x-amz-meta-a"]
)
def test_repeated_headers_are_refused(name: str) -> None:
    """A repeated header is refused as ambiguous."""
    headers = {"Content-Type": "a/b", "Content-MD5": "x", "Host": "h", "x-amz-meta-a": "1"}
    request = _in_header("/bucket/key", method="PUT", headers=headers)
    assert _verified(request).access_key == "key"
    value = next(value for n, value in request.headers if n == name)
    for again in (value, "other"):
        repeated = (*request.headers, (name.lower(), again))
        assert _code(_changed(request, headers=repeated)) == "InvalidArgument"


def test_a_header_must_say_what_the_query_says() -> None:
    """A header that stands in the URL, too, has the same value."""
    request = _presigned("/bucket/key", method="PUT", headers={"x-amz-acl": "private"})
    query = request.raw_query.replace("x-amz-acl=private", "x-amz-acl=public-read")
    assert _verified(request).access_key == "key"
    assert _code(_changed(request, raw_query=query)) == "InvalidArgument"


@pytest.mark.parametrize("char", _CONTROL)
def test_control_characters_are_refused(char: str) -> None:
    """No control character is accepted in anything that is signed."""
    escape = quote(char)
    paths = [f"/bucket/a{escape}", f"/b/k?versionId=a{escape}", f"/b/k?acl{escape}=1",
             f"/b/k?content-type=a{escape}b", f"/b/k?x-amz-meta-a=a{escape}b"]  # fmt: skip
    for path in paths:
        assert _code(_presigned(path)) == "InvalidArgument"
    header = _presigned("/bucket/k", headers={"x-amz-meta-a": f"a{char}b"})
    assert _code(_changed(header, raw_query=_presigned("/bucket/k").raw_query)) == "InvalidArgument"


def test_a_url_cannot_become_one_for_another_object() -> None:
    """Line ends in a file name do not move the expiry and the path of the text that is signed."""
    far = str(int(_NOW.timestamp()) + 10**9)
    name = f"x\n{far}\n/bucket/secret"
    issued = _presigned(f"/bucket/mine?response-content-disposition={quote(name)}")
    values = dict(part.split("=", 1) for part in issued.raw_query.split("&"))
    moved = f"\n{values['Expires']}\n/bucket/mine?response-content-disposition=x"
    forged = (
        f"AWSAccessKeyId=key&Expires={far}&Signature={values['Signature']}"
        f"&content-type={quote(moved, safe='')}"
    )
    assert _code(issued) == "InvalidArgument"
    assert _code(WireRequest("GET", "/bucket/secret", forged, ())) == "InvalidArgument"


@pytest.mark.parametrize("hidden", ["tagging", "versionId=1", "uploadId=1", "torrent", "website"])
def test_a_url_cannot_become_one_for_a_subresource(hidden: str) -> None:
    """An ampersand in a file name does not become the beginning of a parameter."""
    issued = _presigned(f"/bucket/k?response-content-disposition={quote('x&' + hidden, safe='')}")
    forged = issued.raw_query.replace("%26", "&").replace("%3D", "=", 1)
    assert _verified(issued).access_key == "key"
    assert _code(_changed(issued, raw_query=forged)) == "InvalidRequest"


def test_names_of_headers_end_at_the_colon() -> None:
    """A parameter with a colon in its name is not another header with one in its value."""
    request = _presigned("/bucket/k", headers={"x-amz-meta-a": "b:c"})
    forged = request.raw_query.replace("x-amz-meta-a=b%3Ac", "x-amz-meta-a%3Ab=c")
    assert forged != request.raw_query
    assert _code(_changed(request, raw_query=forged, headers=())) == "InvalidArgument"


def test_expired_and_malformed_are_refused() -> None:
    """An expired URL, an unknown key and what is no number get the answers of S3."""
    request = _presigned("/bucket/key", expires=10)
    assert _code(request, now=datetime.now(UTC) + timedelta(minutes=1)) == "AccessDenied"
    assert _code(_presigned("/b/k", user=Credentials("none", "x"))) == "InvalidAccessKeyId"
    for expires in ("-1", "1e20", "", "\u0661", "9" * 16, " 1"):
        query = request.raw_query.replace("Expires=", f"Expires={quote(expires)}&x=")
        assert _code(_changed(request, raw_query=query.partition("&x=")[0] + "&Signature=x")) in {
            "AccessDenied", "InvalidArgument"
        }  # fmt: skip


@pytest.mark.parametrize("sign", _BOTH)
def test_a_key_accepts_it_only_where_its_owner_says_so(sign: _Sign) -> None:
    """By default a right signature of version 2 is refused, with what to do about it."""
    with pytest.raises(S3Error, match="signature_v2: true") as raised:
        _verified(
            sign("/bucket/key", user=Credentials("new", "secret")), now=_NOW + timedelta(days=9)
        )
    assert raised.value.code == "InvalidRequest"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("AWS key:", "InvalidArgument"),
        ("AWS :x", "InvalidArgument"),
        ("AWS key", "InvalidArgument"),
        ("AWS ", "InvalidArgument"),
        ("AWS key:x", "SignatureDoesNotMatch"),
        ("AWS key:\udcff", "SignatureDoesNotMatch"),
        ("AWS key:ü", "SignatureDoesNotMatch"),
        ("AWS nobody:x", "InvalidAccessKeyId"),
    ],
)
def test_wrong_authorization_headers_are_refused(value: str, code: str) -> None:
    """A header that is malformed, or a signature that is not right, is refused."""
    request = _in_header("/bucket/key")
    kept = tuple(pair for pair in request.headers if pair[0] != "Authorization")
    assert _code(_changed(request, headers=(*kept, ("Authorization", value)))) == code


def _signed_by_hand(date: datetime, name: str) -> WireRequest:
    """Sign as the developer guide says: with x-amz-date the line of the date is empty."""
    text = format_datetime(date, usegmt=True)
    lines = ["GET", "", "", text] if name == "Date" else ["GET", "", "", "", f"x-amz-date:{text}"]
    digest = hmac.digest(b"secret", "\n".join([*lines, "/bucket/key"]).encode(), hashlib.sha1)
    value = f"AWS key:{base64.b64encode(digest).decode()}"
    return WireRequest("GET", "/bucket/key", "", ((name, text), ("Authorization", value)))


@pytest.mark.parametrize("name", ["Date", "x-amz-date"])
@pytest.mark.parametrize(
    ("minutes", "code"),
    [(0, ""), (14, ""), (-14, ""), (16, "RequestTimeTooSkewed"), (-16, "RequestTimeTooSkewed")],
)
def test_clocks_must_agree(name: str, minutes: int, code: str) -> None:
    """A request that was signed more than 15 minutes ago, or will be, is refused."""
    request = _signed_by_hand(_NOW + timedelta(minutes=minutes), name)
    if code:
        assert _code(request) == code
    else:
        assert _verified(request).access_key == "key"


def test_a_date_is_needed() -> None:
    """Without a date a signature would be valid for ever."""
    request = _signed_by_hand(_NOW, "Date")
    assert _code(_changed(request, headers=request.headers[1:])) == "AccessDenied"
    assert (
        _code(_changed(request, headers=(("Date", "soon"), request.headers[1]))) == "AccessDenied"
    )


def test_the_signature_stays_behind() -> None:
    """Only the parameters of the request itself go upstream."""
    request = _presigned("/bucket/key?versionId=v")
    assert is_presigned(request.raw_query)
    assert read(request.raw_query).text == "versionId=v"
    assert read("Expires=1&acl").text == "Expires=1&acl"
