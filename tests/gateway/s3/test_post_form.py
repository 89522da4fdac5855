import base64
import datetime
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from urllib3 import encode_multipart_formdata

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.form_data import FormParser, boundary_of
from slimgate.gateway.s3.post_form import PostForm, read_form

# Amazon S3 API reference, "Example: Browser-Based Upload using HTTP POST (Using AWS Signature
# Version 4)"; the policy there has Windows line ends.
_DOCUMENT: Final = """{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}""".replace("\n", "\r\n")
_EXAMPLE: Final = {
    "key": "user/user1/a.jpg",
    "acl": "public-read",
    "success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
    "content-type": "image/jpeg",
    "x-amz-meta-uuid": "14365123651274",
    "x-amz-server-side-encryption": "AES256",
    "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-date": "20151229T000000Z",
    "x-amz-meta-tag": "",
    "policy": base64.b64encode(_DOCUMENT.encode()).decode(),
    "x-amz-signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
}
_SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # of the manual
_THEN: Final = datetime.datetime(2015, 12, 29, tzinfo=datetime.UTC)
_BUCKET: Final = "sigv4examplebucket"


def test_the_example_of_the_manual() -> None:
    """The form of the S3 manual is verified, and becomes a PutObject."""
    form = PostForm(_BUCKET, _EXAMPLE)
    form.verified(_SECRET, _THEN)
    assert form.access_key == "AKIAIOSFODNN7EXAMPLE"
    assert form.put_headers() == {
        "x-amz-acl": "public-read",
        "content-type": "image/jpeg",
        "x-amz-meta-uuid": "14365123651274",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-meta-tag": "",
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch"),
        ({"x-amz-signature": "\u00fc"}, "SignatureDoesNotMatch"),
        ({"x-amz-date": "20151229T000001Z"}, "AccessDenied"),
        ({"x-amz-date": "20151230T000000Z"}, "InvalidArgument"),
        ({"x-amz-date": "yesterday"}, "InvalidArgument"),
        ({"x-amz-algorithm": "AWS4-HMAC-SHA1"}, "InvalidArgument"),
        ({"x-amz-credential": "AKIAIOSFODNN7EXAMPLE"}, "InvalidArgument"),
        ({"x-amz-credential": f"{'a' * 500}/20151229/r/s3/aws4_request"}, "InvalidArgument"),
        ({"x-amz-credential": f"a/20151229/{'r' * 65}/s3/aws4_request"}, "InvalidArgument"),
        ({"x-amz-credential": _EXAMPLE["x-amz-credential"].replace("east", "west")},
         "SignatureDoesNotMatch"),
        ({"policy": _EXAMPLE["policy"] + "\r\n"}, "SignatureDoesNotMatch"),
        ({"key": "user/user2/a.jpg"}, "AccessDenied"),
        ({"x-amz-meta-more": "1"}, "AccessDenied"),
        ({"bucket": "another"}, "AccessDenied"),
        *(({name: None}, "InvalidArgument") for name in _EXAMPLE if name.startswith("x-amz-")
          and "meta" not in name and "encryption" not in name),
    ],
)  # fmt: skip
def test_changed_forms_are_refused(changes: dict[str, Any], code: str) -> None:
    """Whatever is changed in a signed form, it is not accepted any more."""
    fields = {n: v for n, v in {**_EXAMPLE, **changes}.items() if v is not None}
    with pytest.raises(S3Error) as caught:
        PostForm(_BUCKET, fields).verified(_SECRET, _THEN)
    assert caught.value.code == code


def test_a_form_for_another_bucket_is_refused() -> None:
    """A policy is for the bucket that it names."""
    with pytest.raises(S3Error, match="AccessDenied"):
        PostForm("another", _EXAMPLE).verified(_SECRET, _THEN)


def _read(fields: list[tuple[str, Any]]) -> PostForm | None:
    body, content_type = encode_multipart_formdata(fields)
    parser = FormParser(boundary_of(content_type))
    parser.feed(body)
    return read_form("bucket", parser)


def test_forms_of_boto3_are_verified() -> None:
    """The oracle is botocore: what it signs is accepted, with its range of sizes."""
    s3 = boto3.client(
        "s3", region_name="eu-central-1", aws_access_key_id="main", aws_secret_access_key="secret",
        config=Config(signature_version="s3v4"),
    )  # fmt: skip
    post = s3.generate_presigned_post(
        "bucket", "a/${filename}", Fields={"acl": "private"},
        Conditions=[{"acl": "private"}, ["content-length-range", 1, 3]],
    )  # fmt: skip
    form = _read([*post["fields"].items(), ("file", ("dir/k.jpg", b"x", "image/jpeg"))])
    assert form is not None
    assert (form.access_key, form.target.key) == ("main", "a/k.jpg")
    policy = form.verified("secret", datetime.datetime.now(datetime.UTC))
    with pytest.raises(S3Error, match="EntityTooLarge"):
        policy.check_size(4)


_FILE: Final = ("file", ("k.jpg", b"x", "image/jpeg"))


@pytest.mark.parametrize(
    "fields",
    [
        [("key", "a"), ("key", "b"), _FILE],
        [("key", "a"), ("Key", "b"), _FILE],
        [("key", b"\xff"), _FILE],
    ],
)
def test_ambiguous_forms_are_not_read(fields: list[tuple[str, Any]]) -> None:
    """Fields that parsers could read in several ways are left to the store."""
    assert _read(fields) is None


@pytest.mark.parametrize(
    ("key", "name", "code"),
    [
        ("a" * 1025, "k", "KeyTooLongError"),
        ("\u00fc" * 513, "k", "KeyTooLongError"),
        ("${filename}" * 5000, "a" * 8000, "KeyTooLongError"),
        ("${filename}", "\u00fc" * 513, "KeyTooLongError"),
        ("a/${filename}", "", "InvalidArgument"),
        ("a/${filename}", "dir/", "InvalidArgument"),
        ("a/${filename}", "..", "InvalidArgument"),
        ("a/.${filename}", ".", "InvalidArgument"),
        ("a/../b", "k", "InvalidArgument"),
        ("./b", "k", "InvalidArgument"),
        ("a/.", "k", "InvalidArgument"),
    ],
)
def test_keys_are_checked(key: str, name: str, code: str) -> None:
    """A key that is too long, has no name or could leave its prefix is refused before it exists."""
    with pytest.raises(S3Error) as caught:
        _read([("key", key), ("file", (name, b"x", "image/jpeg"))])
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("key", "name", "expanded"),
    [
        ("a" * 1014 + "${filename}", "b" * 10, "a" * 1014 + "b" * 10),
        ("${filename}" * 300, "abc", "abc" * 300),
        ("\u00fc" * 512, "", "\u00fc" * 512),
        ("a/...b/..c/.${filename}", "C:\\d\\.e", "a/...b/..c/..e"),
    ],
)
def test_names_are_filled_in(key: str, name: str, expanded: str) -> None:
    """A key may be as long as S3 permits once it is expanded, and may begin with dots."""
    form = _read([("key", key), ("file", (name, b"x", "image/jpeg"))])
    assert form is not None
    assert form.target.key == expanded


@pytest.mark.parametrize("name", ["filename*=utf-8''a", 'filename="a"; filename="b"'])
def test_a_file_without_one_name_gives_no_key(name: str) -> None:
    """Files whose name stores cannot agree on never share a key that ends with the prefix."""
    parser = FormParser(b"b")
    parser.feed(
        b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\na/${filename}\r\n--b\r\n'
        b'Content-Disposition: form-data; name="file"; ' + name.encode() + b"\r\n\r\nx\r\n--b--"
    )
    with pytest.raises(S3Error, match="InvalidArgument"):
        read_form("bucket", parser)


_TAGS: Final = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag></TagSet></Tagging>"


def test_tags_become_a_header() -> None:
    """Tags come as XML in a form, and go into a header."""
    assert PostForm("bucket", {"tagging": _TAGS}).put_headers() == {"x-amz-tagging": "a+b=1%262"}


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (("tagging", "<Tagging"), "MalformedXML"),
        (("x-amz-copy-source", "/a/b"), "InvalidArgument"),
        (("x-amz-meta-a", "1\r\nx-amz-acl: public-read"), "InvalidArgument"),
        (("x-amz-meta-a b", "1"), "InvalidArgument"),
        (("x-amz-meta-slimgate", "{}"), "InvalidRequest"),
        (("content-type", "a/b\x00"), "InvalidArgument"),
        (("acl", "private\n"), "InvalidArgument"),
    ],
)
def test_fields_that_are_no_headers_are_refused(field: tuple[str, str], code: str) -> None:
    """No field becomes another header than that of its meaning."""
    with pytest.raises(S3Error) as caught:
        PostForm("bucket", dict([field])).put_headers()
    assert caught.value.code == code


def test_other_fields_are_ignored() -> None:
    """Fields without a meaning for the object are no headers, nor are empty ones."""
    fields = {"submit": "Go", "host": "h", "if-match": "*", "content-length": "1", "expires": ""}
    assert PostForm("bucket", fields).put_headers() == {}


_QUERY: Final = "bucket=bucket&key=a%2F%C3%BC&etag=%22e%22"


@pytest.mark.parametrize(
    ("fields", "status", "location"),
    [
        ({}, 204, "http://h/k"),
        ({"success_action_status": "200"}, 200, "http://h/k"),
        ({"success_action_status": "404"}, 204, "http://h/k"),
        ({"success_action_redirect": "https://x/y"}, 303, f"https://x/y?{_QUERY}"),
        ({"redirect": "https://x/y?a=1"}, 303, f"https://x/y?a=1&{_QUERY}"),
        ({"success_action_redirect": "javascript:alert(1)"}, 204, "http://h/k"),
        ({"success_action_redirect": "http://x/\r\nSet-Cookie: a=1"}, 204, "http://h/k"),
    ],
)
def test_responses_are_as_the_form_asks(fields: dict[str, str], status: int, location: str) -> None:
    """A stored form is answered by a redirect, or with the status of its choice."""
    made = PostForm("bucket", {"key": "a/\u00fc", **fields}).response("http://h/k", "e")
    assert (made.status, made.location, made.body) == (status, location, b"")


def test_a_created_object_is_described() -> None:
    """With status 201 the response names the object."""
    made = PostForm("bucket", {"key": "a&b", "success_action_status": "201"}).response(
        "http://h", "e"
    )
    expected = (
        b"<PostResponse><Location>http://h</Location><Bucket>bucket</Bucket><Key>a&amp;b</Key>"
        b'<ETag>"e"</ETag></PostResponse>'
    )
    assert (made.status, made.body.partition(b"\n")[2]) == (201, expected)
