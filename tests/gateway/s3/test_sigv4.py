import contextlib
import datetime
import hashlib
from collections.abc import Callable
from unittest import mock
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import assume, given
from hypothesis import strategies as st

from slimgate.gateway.s3.canonical import canonical_path, canonical_query, query_pairs
from slimgate.gateway.s3.client_keys import ClientKey, ClientKeys
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.sigv4 import Verified, WireRequest, verify

_KEY = "AKIAIOSFODNN7EXAMPLE"
_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
_KEYS = ClientKeys({_KEY: ClientKey(_SECRET)}.get)
_NOW = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
_EMPTY = hashlib.sha256().hexdigest()
_HOST = "gate.example:8080"

_Headers = dict[str, str]


def _botocore(
    signer: type,
    url: str,
    headers: _Headers | None = None,
    *,
    method: str = "GET",
    body: bytes = b"",
    **options: object,
) -> WireRequest:
    request = AWSRequest(method, url, headers={"Host": _HOST, **(headers or {})}, data=body)
    naive = _NOW.replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=naive):
        signer(Credentials(_KEY, _SECRET), "s3", "eu-west-1", **options).add_auth(request)
    parts = urlsplit(request.url)
    return WireRequest(method, parts.path, parts.query, tuple(request.headers.items()))


def _header_signed(path: str = "/b/k", headers: _Headers | None = None) -> WireRequest:
    return _botocore(S3SigV4Auth, f"http://{_HOST}{path}", headers)


def _presigned(path: str = "/b/k", headers: _Headers | None = None) -> WireRequest:
    return _botocore(S3SigV4QueryAuth, f"http://{_HOST}{path}", headers, expires=600)


def _changed(
    request: WireRequest,
    *,
    path: str | None = None,
    query: str | None = None,
    headers: tuple[tuple[str, str], ...] | None = None,
) -> WireRequest:
    return WireRequest(
        request.method,
        request.raw_path if path is None else path,
        request.raw_query if query is None else query,
        request.headers if headers is None else headers,
    )


def _with_header(request: WireRequest, name: str, value: str) -> WireRequest:
    kept = tuple(pair for pair in request.headers if pair[0].lower() != name.lower())
    return _changed(request, headers=(*kept, (name, value)))


def _error(request: WireRequest, now: datetime.datetime = _NOW) -> S3Error:
    with pytest.raises(S3Error) as caught:
        verify(request, _KEYS, now)
    return caught.value


_keys = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" +%/~&=?#"), max_size=9)
_paths = _keys.map(lambda key: "/bucket/" + quote(key, safe="/~"))
_visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8)
_headers = st.dictionaries(
    st.from_regex(r"[xX]-[aA]mz-meta-[a-z]{1,4}", fullmatch=True),
    st.lists(_visible, max_size=4).map("  ".join),
    max_size=3,
)
_CONTROL = "".join(map(chr, [*range(32), 127]))
_texts = _keys.map(lambda text: text.translate(dict.fromkeys(map(ord, _CONTROL))))
_names = _texts.filter(lambda name: name not in {"", "AWSAccessKeyId", "Signature"})
_pairs = st.dictionaries(_names, _texts, max_size=4)


def _query(pairs: dict[str, str]) -> str:
    return "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs.items())


@pytest.mark.parametrize("char", _CONTROL)
@pytest.mark.parametrize("signer", [_header_signed, _presigned])
def test_control_characters_are_refused(
    signer: Callable[[str, _Headers | None], WireRequest], char: str
) -> None:
    """No control character is accepted in a signed header or parameter; keys may have them."""
    escape = quote(char)
    for path in (f"/b/k?response-content-type=a{escape}", f"/b/k?a{escape}=1"):
        assert _error(signer(path, None)).code == "InvalidArgument"
    for path in (f"/b/k{escape}", f"/b?prefix=a{escape}&marker={escape}"):
        assert verify(signer(path, None), _KEYS, _NOW)


def test_control_characters_in_signed_headers_are_refused() -> None:
    """A tab is allowed by HTTP, and could be folded in different ways."""
    request = _header_signed(headers={"x-amz-meta-a": "1\t2"})
    assert _error(request).code == "InvalidArgument"


def test_signatures_of_two_versions_are_refused() -> None:
    """A request has one signature."""
    request = _presigned("/b/k?AWSAccessKeyId=a&Signature=b&Expires=1")
    assert _error(request).code == "InvalidArgument"


@given(_paths, _pairs, _headers, st.binary(max_size=9))
def test_botocore_headers_are_accepted(
    path: str, pairs: dict[str, str], headers: _Headers, body: bytes
) -> None:
    """Botocore's header signatures are accepted, for any key, query, metadata and body."""
    url = f"http://{_HOST}{path}?{_query(pairs)}"
    request = _botocore(S3SigV4Auth, url, headers, method="PUT", body=body)
    expected = Verified(_KEY, hashlib.sha256(body).hexdigest(), presigned=False, chunks=None)
    assert verify(request, _KEYS, _NOW) == expected


@given(_paths, _pairs, _headers)
def test_botocore_presigned_urls_are_accepted(
    path: str, pairs: dict[str, str], headers: _Headers
) -> None:
    """Botocore's presigned URLs are accepted, for any key, query and metadata."""
    request = _presigned(f"{path}?{_query(pairs)}", headers)
    expected = Verified(_KEY, "UNSIGNED-PAYLOAD", presigned=True, chunks=None)
    assert verify(request, _KEYS, _NOW) == expected


def _flip(data: st.DataObject, text: str) -> str:
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    assume(other != text[at])
    return text[:at] + other + text[at + 1 :]


def _refused(request: WireRequest) -> bool:
    try:
        return verify(request, _KEYS, _NOW) is None
    except S3Error:
        return True


@given(st.data(), _keys.filter(bool))
@pytest.mark.parametrize("sign", [_header_signed, _presigned])
def test_other_paths_are_refused(
    sign: Callable[[str], WireRequest], data: st.DataObject, key: str
) -> None:
    """A path with any octet changed no longer fits its signature."""
    request = sign(f"/b/{quote(key, safe='/~')}")
    path = _flip(data, request.raw_path)
    with contextlib.suppress(S3Error):
        assume(canonical_path(path) != canonical_path(request.raw_path))
    assert _refused(_changed(request, path=path))


@given(st.data(), _pairs)
@pytest.mark.parametrize("sign", [_header_signed, _presigned])
def test_other_queries_are_refused(
    sign: Callable[[str], WireRequest], data: st.DataObject, pairs: dict[str, str]
) -> None:
    """A query with any octet changed, the signature's own included, no longer fits."""
    request = sign(f"/b/k?{_query({'x': 'y', **pairs})}")
    query = _flip(data, request.raw_query)
    with contextlib.suppress(S3Error):
        changed = canonical_query(query_pairs(query))
        assume(changed != canonical_query(query_pairs(request.raw_query)))
    # The one name that is not signed may be written in other letters.
    assume("X-Amz-Signature=" in query or "x-amz-signature=" not in query.lower())
    assert _refused(_changed(request, query=query))


@given(st.data())
@pytest.mark.parametrize(
    "name", ["Host", "X-Amz-Date", "X-Amz-Content-SHA256", "x-amz-meta-a", "Authorization"]
)
def test_other_headers_are_refused(name: str, data: st.DataObject) -> None:
    """A signed header or the Authorization header with any octet changed no longer fits."""
    request = _header_signed(headers={"x-amz-meta-a": "value"})
    value = _flip(data, dict(request.headers)[name])
    assert _refused(_with_header(request, name, value))


@pytest.mark.parametrize("position", [0, 31, 63])
def test_wrong_signature(position: int) -> None:
    """One wrong digit of the signature is SignatureDoesNotMatch, not another error."""
    request = _header_signed()
    head, _, signature = dict(request.headers)["Authorization"].rpartition("=")
    digit = "0" if signature[position] != "0" else "1"
    forged = f"{head}={signature[:position]}{digit}{signature[position + 1 :]}"
    error = _error(_with_header(request, "Authorization", forged))
    assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)


def test_method_is_signed() -> None:
    """A signature for GET is none for DELETE."""
    request = _header_signed()
    forged = WireRequest("DELETE", request.raw_path, request.raw_query, request.headers)
    assert _error(forged).code == "SignatureDoesNotMatch"


def test_unknown_key() -> None:
    """A key that is not configured is named as such, without any secret."""
    with pytest.raises(S3Error) as caught:
        verify(_header_signed(), ClientKeys({"other": ClientKey("x")}.get), _NOW)
    assert (caught.value.code, caught.value.status) == ("InvalidAccessKeyId", 403)


def test_anonymous() -> None:
    """A request without a signature is anonymous."""
    assert verify(WireRequest("GET", "/b/k", "acl", (("Host", _HOST),)), _KEYS, _NOW) is None


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(-901, "RequestTimeTooSkewed"), (-900, None), (900, None), (901, "RequestTimeTooSkewed")],
)
def test_clock_skew(seconds: int, code: str | None) -> None:
    """A signed header is good for fifteen minutes in both directions."""
    now = _NOW + datetime.timedelta(seconds=seconds)
    if code is None:
        assert verify(_header_signed(), _KEYS, now) is not None
    else:
        assert _error(_header_signed(), now).code == code


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (-901, "Request is not yet valid"),
        (-900, None),
        (600, None),
        (601, "Request has expired"),
    ],
)
def test_expiry(seconds: int, message: str | None) -> None:
    """A presigned request is good from fifteen minutes before its time until it expires."""
    now = _NOW + datetime.timedelta(seconds=seconds)
    if message is None:
        assert verify(_presigned(), _KEYS, now) is not None
    else:
        error = _error(_presigned(), now)
        assert (error.code, error.message) == ("AccessDenied", message)


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_extreme_times(year: str) -> None:
    """Times at the ends of the calendar are too skewed, and nothing overflows."""
    request = _header_signed()
    credential = dict(request.headers)["Authorization"].replace("20240501", f"{year}0501")
    request = _with_header(request, "Authorization", credential)
    request = _with_header(request, "X-Amz-Date", f"{year}0501T120000Z")
    assert _error(request).code == "RequestTimeTooSkewed"


@pytest.mark.parametrize("sign", [_header_signed, _presigned])
@pytest.mark.parametrize("name", ["x-amz-acl", "X-Amz-Meta-Added"])
def test_unsigned_amz_headers(sign: Callable[[], WireRequest], name: str) -> None:
    """An x-amz- header that was slipped in after signing is refused."""
    error = _error(_with_header(sign(), name, "x"))
    expected = "There were headers present in the request which were not signed"
    assert (error.code, error.message) == ("AccessDenied", expected)


@pytest.mark.parametrize("sign", [_header_signed, _presigned])
def test_unsigned_other_headers(sign: Callable[[], WireRequest]) -> None:
    """Other headers may be added on the way."""
    assert verify(_with_header(sign(), "User-Agent", "x"), _KEYS, _NOW) is not None


def test_host_must_be_signed() -> None:
    """A signature that does not cover the host is refused."""
    request = _header_signed()
    header = dict(request.headers)["Authorization"].replace("host;", "")
    assert _error(_with_header(request, "Authorization", header)).code == "AccessDenied"


def test_removed_header() -> None:
    """A signed header that has disappeared on the way breaks the signature, even an empty one."""
    request = _header_signed(headers={"x-amz-meta-a": ""})
    kept = tuple(pair for pair in request.headers if pair[0] != "x-amz-meta-a")
    assert _error(_changed(request, headers=kept)).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("value", ["x", "", "UNSIGNED", "0" * 63, "g" * 64])
def test_malformed_payload_hash(value: str) -> None:
    """A payload hash is a digest or one of the known words."""
    request = _with_header(_header_signed(), "X-Amz-Content-SHA256", value)
    assert _error(request).code == "InvalidArgument"


def test_missing_payload_hash() -> None:
    """The header form needs x-amz-content-sha256."""
    request = _header_signed()
    kept = tuple(pair for pair in request.headers if pair[0] != "X-Amz-Content-SHA256")
    error = _error(_changed(request, headers=kept))
    expected = "Missing required header for this request: x-amz-content-sha256"
    assert (error.code, error.message) == ("InvalidRequest", expected)


@pytest.mark.parametrize(
    "value", [_EMPTY, "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"]
)
def test_presigned_with_payload_hash(value: str) -> None:
    """A presigned request may carry an unsigned payload hash, which its body must then fulfil."""
    request = _with_header(_presigned(), "x-amz-content-sha256", value)
    expected = Verified(_KEY, value, presigned=True, chunks=None)
    assert verify(request, _KEYS, _NOW) == expected


@pytest.mark.parametrize("value", [_EMPTY, "UNSIGNED-PAYLOAD"])
def test_payload_hash_in_the_query(value: str) -> None:
    """A payload hash in the query of a presigned URL is the signed one."""
    with mock.patch.object(S3SigV4QueryAuth, "payload", return_value=value):
        request = _presigned(f"/b/k?X-Amz-Content-Sha256={value}")
    expected = Verified(_KEY, value, presigned=True, chunks=None)
    assert verify(request, _KEYS, _NOW) == expected


def test_payload_hash_in_the_query_binds() -> None:
    """A digest that was signed into a presigned URL cannot be replaced by the sender."""
    with mock.patch.object(S3SigV4QueryAuth, "payload", return_value=_EMPTY):
        request = _presigned(f"/b/k?X-Amz-Content-Sha256={_EMPTY}")
    request = _with_header(request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    assert _error(request).code == "InvalidArgument"


# Signature Calculations for the Authorization Header, S3 API reference: the published examples.
_EXAMPLE_TIME = datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC)
_EXAMPLE_SCOPE = f"{_KEY}/20130524/us-east-1/s3/aws4_request"
_PUT_HASH = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"


@pytest.mark.parametrize(
    ("target", "payload_hash", "more", "signature"),
    [
        (
            "GET /test.txt",
            _EMPTY,
            {"range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT /test%24file.text",
            _PUT_HASH,
            {
                "date": "Fri, 24 May 2013 00:00:00 GMT",
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
            },
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET /?lifecycle",
            _EMPTY,
            {},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET /?max-keys=2&prefix=J",
            _EMPTY,
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_published_header_examples(
    target: str, payload_hash: str, more: _Headers, signature: str
) -> None:
    """The examples of the S3 API reference are right."""
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": payload_hash,
        **more,
    }
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={_EXAMPLE_SCOPE},"
        f"SignedHeaders={';'.join(sorted(headers))},Signature={signature}"
    )
    method, _, url = target.partition(" ")
    path, _, query = url.partition("?")
    wire = (*headers.items(), ("Authorization", authorization))
    verified = verify(WireRequest(method, path, query, wire), _KEYS, _EXAMPLE_TIME)
    assert verified == Verified(_KEY, payload_hash, presigned=False, chunks=None)


def test_published_presigned_example() -> None:
    """The presigned URL of the S3 API reference is right."""
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={quote(_EXAMPLE_SCOPE, safe='')}"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    headers = (("Host", "examplebucket.s3.amazonaws.com"),)
    verified = verify(WireRequest("GET", "/test.txt", query, headers), _KEYS, _EXAMPLE_TIME)
    assert verified == Verified(_KEY, "UNSIGNED-PAYLOAD", presigned=True, chunks=None)


@pytest.mark.parametrize("trailer", ["", "-TRAILER"])
def test_streams_get_a_chunk_key(trailer: str) -> None:
    """Only a body in signed chunks gets a key, and the key tells no secret when printed."""
    word = f"STREAMING-AWS4-HMAC-SHA256-PAYLOAD{trailer}"
    with mock.patch.object(S3SigV4Auth, "payload", return_value=word):
        request = _header_signed()
    verified = verify(request, _KEYS, _NOW)
    assert verified is not None
    assert verified.chunks is not None
    assert (verified.payload_hash, verified.chunks.timestamp) == (word, "20240501T120000Z")
    assert verified.chunks.scope == "20240501/eu-west-1/s3/aws4_request"
    assert repr(verified.chunks.signing_key) not in repr(verified)
    assert verified.chunks.seed_signature not in repr(verified)


@pytest.mark.parametrize(
    "request_",
    [
        WireRequest("GET", "/" + "a" * 70_000, "", ()),
        WireRequest("GET", "/", "a" * 70_000, ()),
        WireRequest("GET", "/", "", (("x", "a" * 70_000),)),
        WireRequest("GET", "/", "", (("x", ""),) * 300),
    ],
)
def test_oversized_heads(request_: WireRequest) -> None:
    """A head beyond the limits is refused before it is read."""
    assert _error(request_).code == "RequestHeaderSectionTooLarge"


@given(st.text(max_size=60), st.text(max_size=60))
def test_hostile_authorization(authorization: str, query: str) -> None:
    """Any text as Authorization header and query ends in an S3 error or anonymously."""
    headers = (("Authorization", f"AWS4-HMAC-SHA256 {authorization}"), ("x-amz-date", query))
    assert _refused(WireRequest("GET", "/", query, headers))
    assert _refused(WireRequest("GET", "/", f"X-Amz-Signature={query}", ()))
