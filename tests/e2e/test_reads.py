import hashlib
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import images, wire
from tests.servers.server import S3Server

_FILE = images.jpeg(240, 200)
_SIZE = len(_FILE)
_BEFORE, _LATER = "Mon, 01 Jan 2001 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT"


@dataclass(frozen=True, slots=True)
class Managed:
    """A managed object, and all names of what it is."""

    path: str
    whole: bytes
    words: dict[str, str]

    def named(self, headers: dict[str, str]) -> dict[str, str]:
        """Put ETags and the date into headers that have ``{served}`` and the like in them."""
        return {name: value.format(**self.words) for name, value in headers.items()}


@pytest.fixture(scope="module")
def managed(s3: Any, direct: Any, upstream: S3Server) -> Managed:
    """Store an image."""
    bucket = f"photos-reads-{'moto' if upstream.is_moto else 'rgw'}"
    direct.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="another", Body=_FILE)
    put = s3.put_object(Bucket=bucket, Key="k", Body=_FILE, ContentType="image/jpeg")
    got = s3.get_object(Bucket=bucket, Key="k")
    words = {
        "served": got["ETag"].strip('"'),
        "md5": put["ETag"].strip('"'),
        "stored": direct.head_object(Bucket=bucket, Key="k")["ETag"].strip('"'),
        "modified": got["ResponseMetadata"]["HTTPHeaders"]["last-modified"],
    }
    return Managed(f"/{bucket}/k", got["Body"].read(), words)


@pytest.fixture(params=["gateway", "forgetful"])
def reader(request: pytest.FixtureRequest, managed: Managed) -> S3Server:
    """Return a gateway that knows the object, and one that does not."""
    server: S3Server = request.getfixturevalue(request.param)
    if request.param == "forgetful":
        # It remembers one object only, and now that is another one.
        wire.ask(server, "HEAD", managed.path.replace("/k", "/another"))
    return server


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=0-", slice(None)),
        ("bytes=0-99999999", slice(None)),
        ("bytes=5-9", slice(5, 10)),
        (f"bytes={_SIZE - 1}-", slice(_SIZE - 1, None)),
        (f"bytes={_SIZE - 1}-{_SIZE + 5}", slice(_SIZE - 1, None)),
        ("bytes=-1", slice(-1, None)),
        ("bytes=-100", slice(-100, None)),
        ("bytes=-99999999", slice(None)),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ranges_are_slices(
    reader: S3Server, managed: Managed, method: str, value: str, wanted: slice
) -> None:
    """A Range returns exactly that part of the restored file, with its Content-Range."""
    answer = wire.ask(reader, method, managed.path, {"Range": value})
    part = managed.whole[wanted]
    start = wanted.indices(_SIZE)[0]
    assert answer.status == 206
    assert f"bytes {start}-{start + len(part) - 1}/{_SIZE}" == answer.headers["Content-Range"]
    assert str(len(part)) == answer.headers["Content-Length"]
    assert (part if method == "GET" else b"") == answer.body
    assert f'"{managed.words["served"]}"' == answer.headers["ETag"]


@pytest.mark.parametrize("value", ["bytes=5-2", "bytes=0-1,3-4", "items=0-1", "bytes=a-b"])
def test_other_ranges_are_ignored(reader: S3Server, managed: Managed, value: str) -> None:
    """A Range header that asks for no single range gets the whole file."""
    answer = wire.ask(reader, "GET", managed.path, {"Range": value})
    assert (200, managed.whole) == (answer.status, answer.body)


@pytest.mark.parametrize("value", [f"bytes={_SIZE}-", "bytes=99999999-", "bytes=-0"])
def test_ranges_beyond_the_end_are_refused(reader: S3Server, managed: Managed, value: str) -> None:
    """A Range behind the last byte is not satisfiable."""
    answer = wire.ask(reader, "GET", managed.path, {"Range": value})
    assert answer.failure == (416, "InvalidRange")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        ({"If-Match": '"{etag}"'}, (200, 200, 412)),
        ({"If-Match": "{etag}"}, (200, 200, 412)),
        ({"If-Match": '"other", "{etag}"'}, (200, 200, 412)),
        ({"If-None-Match": '"{etag}"'}, (304, 304, 200)),
        ({"If-None-Match": 'W/"{etag}"'}, (304, 304, 200)),
        ({"If-Match": '"{etag}"', "If-None-Match": '"{etag}"'}, (304, 304, 412)),
        ({"If-Match": '"{etag}"', "If-Unmodified-Since": _BEFORE}, (200, 200, 412)),
        ({"If-None-Match": '"{etag}"', "If-Modified-Since": _BEFORE}, (304, 304, 200)),
        ({"If-Match": '"{etag}"', "Range": "bytes=1-2"}, (206, 412, 412)),
        ({"If-Match": "{etag}", "Range": "bytes=1-2"}, (206, 412, 412)),
        ({"If-Match": '"{etag}"', "Range": "bytes=0-"}, (206, 412, 412)),
        ({"If-Match": '"{etag}"', "Range": "items=1-2"}, (200, 412, 412)),
        ({"If-None-Match": '"{etag}"', "Range": "bytes=1-2"}, (304, 206, 206)),
        ({"If-Range": '"{etag}"', "Range": "bytes=1-2"}, (206, 200, 200)),
        ({"If-Range": "{etag}", "Range": "bytes=1-2"}, (206, 200, 200)),
        ({"If-Range": '"{etag}"'}, (200, 200, 200)),
        ({"If-Range": '"{etag}"', "If-Match": '"{etag}"'}, (200, 412, 412)),
        ({"If-Match": '"{etag}"', "?": "partNumber=1"}, (206, 412, 412)),
        ({"If-None-Match": '"{etag}"', "?": "partNumber=1"}, (304, 206, 206)),
    ],
)
def test_etags(
    reader: S3Server,
    managed: Managed,
    method: str,
    headers: dict[str, str],
    statuses: tuple[int, int, int],
) -> None:
    """The MD5 of the upload names the whole object, only the served ETag names parts of it.

    The ETag in the bucket names neither: its bytes are others.
    """
    query = f"?{headers['?']}" if "?" in headers else ""
    answered = []
    for name in ("served", "md5", "stored"):
        given = {k: v.format(etag=managed.words[name]) for k, v in headers.items() if k != "?"}
        answer = wire.ask(reader, method, f"{managed.path}{query}", given)
        answered.append(answer.status)
        if answer.status != 412:
            assert answer.headers["ETag"] == f'"{managed.words["served"]}"'
        if method == "GET" and answer.status in {200, 206}:
            in_part = answer.status == 206 and given.get("Range") == "bytes=1-2"
            assert answer.body == (managed.whole[1:3] if in_part else managed.whole)
    assert tuple(answered) == statuses


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": _BEFORE}, 200),
        ({"If-Modified-Since": "{modified}"}, 304),
        ({"If-Modified-Since": _LATER}, 304),
        ({"If-Unmodified-Since": _BEFORE}, 412),
        ({"If-Unmodified-Since": "{modified}"}, 200),
        ({"If-Match": '"other"', "If-None-Match": '"other"'}, 412),
        ({"If-None-Match": '"other"', "If-Modified-Since": _LATER}, 200),
        ({"If-Match": '"other"', "Range": "bytes=1-2"}, 412),
        ({"If-None-Match": '"{served}"', "Range": "bytes=99999999-"}, 304),
        ({"If-Range": '"other"', "Range": "bytes=1-2"}, 200),
        ({"If-Range": 'W/"{served}"', "Range": "bytes=1-2"}, 200),
        ({"If-Range": "{modified}", "Range": "bytes=1-2"}, 200),
        ({"If-Range": _BEFORE, "Range": "bytes=1-2"}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions(
    reader: S3Server, managed: Managed, method: str, headers: dict[str, str], status: int
) -> None:
    """Conditions hold for the restored file, with the precedence of RFC 9110."""
    answer = wire.ask(reader, method, managed.path, managed.named(headers))
    assert answer.status == status
    if method == "HEAD":
        assert answer.body == b""
    elif status == 412:
        assert answer.code == "PreconditionFailed"


@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since"])
def test_dates_that_are_none_are_ignored(
    reader: S3Server, upstream: S3Server, managed: Managed, name: str
) -> None:
    """A condition whose date cannot be read is no condition."""
    if upstream.is_moto:
        pytest.skip("moto breaks down over dates that are none")
    answer = wire.ask(reader, "GET", managed.path, {name: "nonsense"})
    assert (200, managed.whole) == (answer.status, answer.body)


@pytest.mark.parametrize(
    ("query", "headers", "failure"),
    [
        ("partNumber=1", {}, (206, "")),
        ("partNumber=2", {}, (416, "InvalidRange")),
        ("partNumber=1", {"Range": "bytes=0-1"}, (400, "InvalidRequest")),
    ],
)
def test_part_numbers(
    reader: S3Server,
    managed: Managed,
    query: str,
    headers: dict[str, str],
    failure: tuple[int, str],
) -> None:
    """A managed object is one part, which is all of it."""
    answer = wire.ask(reader, "GET", f"{managed.path}?{query}", headers)
    assert answer.failure == failure
    if answer.status == 206:
        assert managed.whole == answer.body
        assert answer.headers["Content-Range"] == f"bytes 0-{_SIZE - 1}/{_SIZE}"


def test_headers_are_overridden(reader: S3Server, managed: Managed) -> None:
    """The response-* parameters decide what the headers say, of a managed object, too."""
    wanted = {"content-type": "text/x", "cache-control": "no-store", "content-language": "fr"}
    query = "&".join(f"response-{name}={value}" for name, value in wanted.items())
    answer = wire.ask(reader, "GET", f"{managed.path}?{query.replace('text/x', 'text%2Fx')}")
    assert {name: answer.headers[name] for name in wanted} == wanted
    assert managed.whole == answer.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_rendition_can_be_read(
    reader: S3Server, direct: Any, managed: Managed, method: str
) -> None:
    """x-slimgate-raw returns the stored file, with its own size, type and ETag."""
    _, bucket, key = managed.path.split("/")
    stored = direct.get_object(Bucket=bucket, Key=key)["Body"].read()
    answer = wire.ask(reader, method, managed.path, {"x-slimgate-raw": "stored"})
    assert ("image/avif", str(len(stored))) == (
        answer.headers["Content-Type"], answer.headers["Content-Length"]
    )  # fmt: skip
    assert f'"{managed.words["stored"]}"' == answer.headers["ETag"]
    assert (stored if method == "GET" else b"") == answer.body


def test_what_happened_is_told(reader: S3Server, managed: Managed) -> None:
    """The response names tier, restorer and fidelity; the ETag is no MD5, of anything."""
    answer = wire.ask(reader, "GET", managed.path)
    assert answer.headers["x-slimgate-tier"] in {"recode", "downscale"}
    assert float(answer.headers["x-slimgate-ssimulacra2"]) >= images.FLOOR_SCORE
    psnr, ssim = images.fidelity(_FILE, answer.body)
    assert float(answer.headers["x-slimgate-psnr"]) == pytest.approx(psnr, abs=0.01)
    assert float(answer.headers["x-slimgate-ssim"]) == pytest.approx(ssim, abs=0.0002)
    digests = {
        hashlib.md5(data, usedforsecurity=False).hexdigest() for data in (_FILE, answer.body)
    }
    assert answer.headers["ETag"].strip('"') not in digests
    assert (_SIZE, managed.whole) == (len(answer.body), answer.body)
