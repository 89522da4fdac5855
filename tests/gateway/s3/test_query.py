from pathlib import Path

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.gateway.handlers import call
from slimgate.gateway.s3 import query
from slimgate.gateway.s3.errors import S3Error

_V4 = "X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Date=c&X-Amz-Expires=1&X-Amz-SignedHeaders=host"
_V2 = "AWSAccessKeyId=a&Signature=b&Expires=1"


@pytest.mark.parametrize(
    ("raw_query", "text"),
    [
        ("", ""),
        ("versionId=1", "versionId=1"),
        (f"{_V4}&X-Amz-Signature=e", ""),
        (f"{_V4}&X-Amz-Signature=e&X-Amz-Content-Sha256=h&X-Amz-Security-Token=t", ""),
        ("a=1&x-amz-signature=2&b=3", "a=1&b=3"),
        ("prefix=a%2Fb+c&X-AMZ-DATE=1&acl", "prefix=a%2Fb+c&acl"),
        ("X-Amz-Signatur%65=2&acl", "acl"),
        ("&&a&&b=&", "a&b="),
        ("x-id=PutObject&x-amz-acl=private", "x-id=PutObject"),
        (f"{_V2}&versionId=v", "versionId=v"),
        (f"{_V2}&Content-Type=a&content-md5=b", ""),
        ("Expires=1&acl&Content-Type=a", "Expires=1&acl&Content-Type=a"),
    ],
)
def test_neither_signature_nor_headers_go_upstream_in_the_query(raw_query: str, text: str) -> None:
    """Parameters that sign and parameters that are headers leave; the others stay as spelled."""
    assert query.read(raw_query).text == text


@pytest.mark.parametrize(
    ("raw_query", "kept"),
    [
        (f"prefix={'a' * 2000}", True),
        (f"prefix={'a' * 3000}", False),
        ("&".join("abcdefgh" * 4), True),
        ("&".join("abcdefgh" * 16), False),
    ],
)
def test_only_short_queries_are_remembered(raw_query: str, kept: bool) -> None:
    """Long queries are not cached."""
    assert (query.read(raw_query) is query.read(raw_query)) == kept


@pytest.mark.parametrize(
    ("raw_query", "expected"),
    [
        ("", {}),
        ("acl", {"acl": ""}),
        ("a=1&a=2", {"a": "1"}),
        ("a=%C3%BC&b=", {"a": "ü", "b": ""}),
        ("versionId=x%3Dy", {"versionId": "x=y"}),
        ("prefix=a+b", {"prefix": "a+b"}),
        ("a=b=c&&=d", {"a": "b=c", "": "d"}),
        ("a=1&x-amz-acl=private", {"a": "1"}),
    ],
)
def test_queries_are_decoded(raw_query: str, expected: dict[str, str]) -> None:
    """Names and values are decoded, and of equal names the first one counts."""
    assert query.read(raw_query).parameters == expected


@pytest.mark.parametrize(
    ("raw_query", "headers"),
    [
        ("x-amz-acl=private", (("x-amz-acl", "private"),)),
        ("X-Amz-Meta-A%2DB=%20c%3D%2B+d%20", (("x-amz-meta-a-b", "c=++d"),)),
        ("x%2Damz-meta-my_key=1", (("x-amz-meta-my_key", "1"),)),
        ("x-amz-storage-class", (("x-amz-storage-class", ""),)),
        ("x-amz-meta-=1", (("x-amz-meta-", "1"),)),
        ("x-amz-content-sha256=e", (("x-amz-content-sha256", "e"),)),
        (f"{_V4}&X-Amz-Signature=e&X-Amz-Content-Sha256=h", ()),
        (f"{_V2}&content-md5=m&x-amz-acl=a", (("content-md5", "m"), ("x-amz-acl", "a"))),
        ("content-md5=m&x-amzn-trace=a&x-ama=1", ()),
        ("x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32", ()),
        ("X-Amz-Checksum-Crc64nvme=AAAAAAAAAAA%3D&x-amz-acl=a", (("x-amz-acl", "a"),)),
        ("x-amz-checksum-sha256=47DEQpj8HBSa%2B%2FTImW%2B5JCeuQeRkm5NMpJWZG3hSuFU%3D", ()),
        ("x-amz-checksum-crc32=AAAAAQ%3D%3D", (("x-amz-checksum-crc32", "AAAAAQ=="),)),
        (
            "x-amz-checksum-sha1=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=SHA1",
            (("x-amz-checksum-sha1", "AAAAAA=="), ("x-amz-sdk-checksum-algorithm", "SHA1")),
        ),
    ],
)
def test_parameters_that_are_headers_become_headers(
    raw_query: str, headers: tuple[tuple[str, str], ...]
) -> None:
    """Every x-amz- parameter that does not sign is a header, whoever signed the request."""
    assert query.read(raw_query).headers == headers


@pytest.mark.parametrize(
    ("raw_query", "code"),
    [
        ("a=%", "InvalidURI"),
        ("%zz=1", "InvalidURI"),
        ("a=1&b=%2", "InvalidURI"),
        ("a=%-1", "InvalidURI"),
        ("x-amz-meta-slimgate=1", "InvalidRequest"),
        ("X-AMZ-META-SLIMGATE-B=1", "InvalidRequest"),
        ("x%2damz-meta-slim%67ate=1", "InvalidRequest"),
        ("x-amz-meta_slimgate=1", "InvalidRequest"),
        ("x_amz_meta_slimgate=1", "InvalidRequest"),
        ("+x-amz-meta-slimgate=1", "InvalidRequest"),
        ("x-amz-meta-slimgate%00=1", "InvalidRequest"),
        ("x-amz-meta-slim%0agate=1", "InvalidRequest"),
        ("%EF%BB%BFx-amz-meta-slimgate=1", "InvalidRequest"),
        ("x-goog-meta-slimgate=1", "InvalidRequest"),
        ("x-any-vendor-meta-slimgate=1", "InvalidRequest"),
        ("x-goog-meta-a=1", "InvalidArgument"),
        ("x-rgw-server-side-encryption-customer-key=k", "InvalidArgument"),
        ("x_amz_copy_source=/b/k", "InvalidArgument"),
        ("x-amz-copy_source=/b/k", "InvalidArgument"),
        ("x-amz-acl%20=private", "InvalidArgument"),
        ("%20x-amz-acl=private", "InvalidArgument"),
        ("x-amz-acl%3A=private", "InvalidArgument"),
        ("x-amz-=1", "InvalidArgument"),
        ("x-amz-meta-%C3%BC=1", "InvalidArgument"),
        ("x-amz-acl=private&X-Amz-Acl=private", "InvalidArgument"),
        ("x-amz-acl=a%0D%0Ax-amz-meta-slimgate:1", "InvalidArgument"),
        ("x-amz-acl=a%00", "InvalidArgument"),
        ("x-amz-acl=%7F", "InvalidArgument"),
    ],
)
def test_what_another_could_read_differently_is_refused(raw_query: str, code: str) -> None:
    """No spelling that a lenient store takes for a header escapes the checks."""
    with pytest.raises(S3Error) as raised:
        query.read(raw_query)
    assert raised.value.code == code


def _sent(**named: str) -> CIMultiDictProxy[str]:
    headers = {name.replace("__", "-"): value for name, value in named.items()}
    return CIMultiDictProxy(CIMultiDict(headers))


@pytest.mark.parametrize("carried", [(), (("x-amz-acl", "private"),)])
def test_headers_that_are_repeated_are_one_list(carried: tuple[tuple[str, str], ...]) -> None:
    """Repeated headers are joined, as they are forwarded."""
    lines = [("Cache-Control", "max-age=60"), ("Host", "h"), ("cache-control", "no-transform")]
    found = query.merged(CIMultiDictProxy(CIMultiDict(lines)), carried)
    assert found["Cache-Control"] == "max-age=60,no-transform"
    assert found["Host"] == "h"
    assert len(found) == 2 + len(carried)


def test_headers_of_a_query_stand_beside_the_others() -> None:
    """Headers are found whatever their case."""
    found = query.merged(_sent(Host="h"), (("x-amz-acl", "private"),))
    assert dict(found) == {"Host": "h", "x-amz-acl": "private"}
    assert found["X-Amz-Acl"] == "private"


@pytest.mark.parametrize(
    ("sent", "carried"),
    [
        ({"X__Amz__Acl": "private"}, (("x-amz-acl", "public-read"),)),
        ({"Content__Type": "a"}, (("content-type", "b"),)),
    ],
)
def test_nothing_is_said_in_two_ways(
    sent: dict[str, str], carried: tuple[tuple[str, str], ...]
) -> None:
    """A header that is another one in the query is refused."""
    with pytest.raises(S3Error) as raised:
        query.merged(_sent(**sent), carried)
    assert raised.value.code == "InvalidArgument"


@pytest.mark.parametrize("name", ["Content-Type", "X-Amz-Acl"])
def test_the_same_may_be_said_in_both_places(name: str) -> None:
    """Version 2 signers repeat in the URL what the client also sends as headers."""
    found = query.merged(_sent(**{name: "a"}), ((name.lower(), "a"),))
    assert found.getall(name) == ["a"]


# Prefixes that stores take for x-amz-.
VENDORS = ["Account", "Container", "Cos", "Dho", "Goog", "Object", "Obs", "Oss", "Rgw"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("x_amz_copy_source", "InvalidArgument"),
        ("x-amz-copy_source", "InvalidArgument"),
        ("X_Amz_Meta_a", "InvalidArgument"),
        ("content_type", "InvalidArgument"),
        ("If_Match", "InvalidArgument"),
        ("_", "InvalidArgument"),
        ("x-amz-meta-slimgate", "InvalidRequest"),
        ("X-Amz-Meta-SlimGate2", "InvalidRequest"),
        ("x-amz-meta-slim.gate", "InvalidRequest"),
        *((f"X-{vendor}-Meta-Slimgate", "InvalidRequest") for vendor in VENDORS),
        *((f"x-{vendor.lower()}-meta-other", "InvalidArgument") for vendor in VENDORS),
        *(
            (f"x-{vendor}-server-side-encryption-customer-key", "InvalidArgument")
            for vendor in VENDORS
        ),
        ("x-goog-copy-source", "InvalidArgument"),
        ("x-goog-metadata-directive", "InvalidArgument"),
        ("x-goog-encryption-key", "InvalidArgument"),
        ("x-unheard-of-meta-slimgate", "InvalidRequest"),
    ],
)
def test_header_names_have_one_spelling(name: str, code: str) -> None:
    """A name that a store could take for another one is refused, as a reserved one is."""
    with pytest.raises(S3Error) as raised:
        query.merged(_sent(**{name: "1"}), ())
    assert raised.value.code == code


@pytest.mark.parametrize(
    "name",
    [
        "x-amz-meta-my_key",
        "X-Amz-Meta-_a_",
        "x-amz-meta-a.b",
        "x-amz-meta-",
        "x-slimgate-raw",
        "x-goog-project-id",
        "x-forwarded-for",
        "x-id",
    ],
)
def test_metadata_keys_of_clients_may_have_underscores(name: str) -> None:
    """S3 takes them, and no store can make another header of them."""
    assert name in query.merged(_sent(**{name: "1"}), ())


def test_headers_are_looked_up_where_those_of_the_query_are() -> None:
    """Nothing that serves a request reads the headers of its connection past those of its query."""
    handlers = Path(call.__file__).parent
    sources = {path.name: path.read_text() for path in handlers.glob("*.py")}
    assert "get.py" in sources
    assert [name for name, text in sources.items() if "call.request.headers" in text] == []


def test_parameters_are_bounded() -> None:
    """A query has as many parameters as any request needs, and no more."""
    query.check_count("&".join(["a"] * query.MAX_PARAMETERS))
    with pytest.raises(S3Error, match="InvalidArgument"):
        query.check_count("&".join(["a"] * (query.MAX_PARAMETERS + 1)))
