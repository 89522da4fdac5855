"""Properties of the wire: signatures and listings of unusual keys."""

import functools
from typing import Any, Final
from urllib.parse import quote, unquote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import NewBucket
from tests.e2e import wire
from tests.e2e.differential.lab import canonical
from tests.servers.server import S3Server

_SLOW: Final = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Whatever XML 1.0 can hold; a listing cannot tell of anything else without an encoding type.
_CHARACTERS: Final = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"
)
_KEYS: Final = st.text(
    _CHARACTERS | st.sampled_from("/ab%+ &='\"<>?#\\~*"), min_size=1, max_size=30
).filter(
    lambda key: (
        not key.startswith("/")
        and not {"", ".", ".."} & set(key.split("/")[:-1])
        and key not in {".", ".."}
    )
)
_QUERIES: Final = st.lists(
    st.tuples(st.text(_CHARACTERS, min_size=1, max_size=8), st.text(_CHARACTERS, max_size=8)),
    max_size=4,
    unique_by=lambda pair: pair[0],  # Ceph 16 refuses a repeated parameter, however it is signed
)


def _spelled(text: str, draw: st.DrawFn, kept: str = "") -> str:
    """Percent-encode, some of it in lower case and some that need not be encoded."""
    octets = text.encode()
    ways = draw(st.lists(st.sampled_from("xXa"), min_size=len(octets), max_size=len(octets)))
    return "".join(map(functools.partial(_spelled_octet, kept=kept), octets, ways))


def _spelled_octet(octet: int, way: str, kept: str) -> str:
    character = chr(octet)
    plain = character.isascii() and (character.isalnum() or character in f"-_.~{kept}")
    if character in kept or (plain and way == "a"):
        return character
    return f"%{octet:02x}" if way == "x" else f"%{octet:02X}"


@st.composite
def _requests(draw: st.DrawFn) -> str:
    key = _spelled(draw(_KEYS), draw, "/")
    pairs = [f"x-{_spelled(n, draw)}={_spelled(v, draw)}" for n, v in draw(_QUERIES)]
    return f"/{key}" + (f"?{'&'.join(pairs)}" if pairs else "")


_MOST_PAGES: Final = 40


@_SLOW
@given(request=_requests(), method=st.sampled_from(["GET", "HEAD", "DELETE", "PUT"]))
def test_any_spelling_is_signed_alike(
    gateway: S3Server, plain: str, request: str, method: str
) -> None:
    """What botocore signs is right, however path and query are spelled on the wire."""
    path = f"/{plain}{request}"
    headers = wire.signed(gateway, method, canonical(path))
    answer = wire.send(gateway, method, path, headers)
    expected = {"GET": {404}, "HEAD": {404}, "DELETE": {204}, "PUT": {200}}[method]
    if method == "PUT":
        # The next example must find nothing there.
        removal = wire.signed(gateway, "DELETE", canonical(path))
        assert wire.send(gateway, "DELETE", path, removal).status == 204
    assert answer.status in expected, answer.body


@_SLOW
@given(request=_requests(), place=st.integers(0, 63))
def test_no_other_signature_is_taken(
    gateway: S3Server, plain: str, request: str, place: int
) -> None:
    """One wrong digit in a signature is seen, whatever it signs."""
    path = f"/{plain}{request}"
    headers = wire.signed(gateway, "GET", canonical(path))
    start, _, signature = headers["Authorization"].rpartition("=")
    digit = "0" if signature[place] != "0" else "1"
    headers["Authorization"] = f"{start}={signature[:place]}{digit}{signature[place + 1 :]}"
    assert wire.send(gateway, "GET", path, headers).failure == (403, "SignatureDoesNotMatch")


_PAGES: Final = st.fixed_dictionaries(
    {"MaxKeys": st.integers(1, 5)},
    optional={
        "Delimiter": st.sampled_from(["/", "a", "%", " ", "ä"]),
        "Prefix": st.sampled_from(["", "a", "/", "b/", "%", "none"]),
        "EncodingType": st.just("url"),
    },
)


@settings(_SLOW, max_examples=12)
@given(keys=st.sets(_KEYS, min_size=1, max_size=12), page=_PAGES)
@pytest.mark.parametrize("prefix", ["plain", "photos"])
def test_pages_are_those_of_the_upstream(
    s3: Any, direct: Any, new_bucket: NewBucket, prefix: str, keys: set[str], page: dict[str, Any]
) -> None:
    """Page by page, both listings through the gateway say what the upstream says directly."""
    bucket = new_bucket(prefix)
    for key in sorted(keys):
        direct.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for name in ("list_objects", "list_objects_v2"):
        expected, actual = (_pages(client, name, bucket, page) for client in (direct, s3))
        assert actual == expected
    for key in keys:
        direct.delete_object(Bucket=bucket, Key=key)
    direct.delete_bucket(Bucket=bucket)


def _pages(client: Any, name: str, bucket: str, page: dict[str, Any]) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while len(pages) < _MOST_PAGES:
        answer = getattr(client, name)(Bucket=bucket, **page, **more)
        pages.append({n: v for n, v in answer.items() if n != "ResponseMetadata"})
        if not answer["IsTruncated"]:
            return pages
        more = _next(name, answer)
    raise AssertionError("the listing has no end")


def _next(name: str, answer: dict[str, Any]) -> dict[str, str]:
    if name == "list_objects_v2":
        return {"ContinuationToken": answer["NextContinuationToken"]}
    # Only a listing with a delimiter says where it goes on.
    marker = answer.get("NextMarker") or answer["Contents"][-1]["Key"]
    return {"Marker": unquote_plus(marker) if answer.get("EncodingType") else marker}


@settings(_SLOW, max_examples=12)
@given(keys=st.sets(_KEYS, min_size=1, max_size=10), prefix=st.sampled_from(["", "a", "b/", "%"]))
def test_listings_tell_every_key(
    gateway: S3Server, s3: Any, new_bucket: NewBucket, keys: set[str], prefix: str
) -> None:
    """What was stored by raw requests is listed: in the order of its octets, and nothing else."""
    bucket = new_bucket("photos")
    for key in keys:
        path = f"/{bucket}/{quote(key, safe='/~')}"
        assert wire.ask(gateway, "PUT", path, body=b"x").status == 200
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    wanted = sorted((key for key in keys if key.startswith(prefix)), key=str.encode)
    assert [entry["Key"] for entry in listed] == wanted


def test_octets_that_are_no_text_are_refused(gateway: S3Server, s3: Any, plain: str) -> None:
    """A header that could not be sent on as it is, is refused, and nothing is stored."""
    headers = {"Host": gateway.host, "x-amz-meta-a": "Gr\xfc\xdfe"}  # sent as Latin-1
    answer = wire.send(gateway, "PUT", f"/{plain}/k", headers, b"x")
    assert answer.failure == (400, "InvalidArgument")
    assert "Contents" not in s3.list_objects_v2(Bucket=plain)
