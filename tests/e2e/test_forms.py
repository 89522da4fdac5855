"""Uploads by HTML forms, honest ones and others."""

import hashlib
from typing import Any, Final, NamedTuple

import pytest
from urllib3 import encode_multipart_formdata

from slimgate.gateway.s3.headers import MANIFEST
from tests.conftest import NewBucket, Start
from tests.e2e import images, wire
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.server import Keys, S3Server

_FILE: Final = images.jpeg()
_FILLING: Final = ("x-ignore-filling", "x" * 70_000)

_Fields = list[tuple[str, Any]]


def _fields(s3: Any, bucket: str) -> _Fields:
    """Return the fields of a form whose policy lets metadata pass."""
    conditions = [["starts-with", f"${MANIFEST}", ""], ["starts-with", "$x-amz-meta-a", ""]]
    post = s3.generate_presigned_post(bucket, "k", Conditions=conditions)
    return [*post["fields"].items()]


def _send(gateway: S3Server, path: str, fields: _Fields) -> wire.Answer:
    body, content_type = encode_multipart_formdata(fields)
    return wire.send(
        gateway, "POST", path, {"Host": gateway.host, "Content-Type": content_type}, body
    )


_UPLOAD: Final = ("file", ("k.jpg", _FILE, "image/jpeg"))


@pytest.mark.parametrize("query", ["", "?x-id=Post"])
def test_forms_are_optimized(
    s3: Any, direct: Any, gateway: S3Server, photos: str, query: str
) -> None:
    """An image in a form of a browser is stored small, whatever buttons the form has behind it."""
    fields = [*_fields(s3, photos), ("x-amz-meta-a", "1"), _UPLOAD, ("submit", "Go")]
    answer = _send(gateway, f"/{photos}{query}", fields)
    digest = hashlib.md5(_FILE, usedforsecurity=False).hexdigest()
    assert (answer.status, answer.headers["ETag"]) == (204, f'"{digest}"')
    assert answer.headers["Location"] == f"{gateway.endpoint}/{photos}/k"
    found = s3.get_object(Bucket=photos, Key="k")
    assert images.score(_FILE, found["Body"].read()) >= images.FLOOR_SCORE
    assert (found["ContentLength"], found["Metadata"]) == (len(_FILE), {"a": "1"})
    assert direct.head_object(Bucket=photos, Key="k")["ContentType"] == "image/avif"


def test_other_files_in_forms_stay(s3: Any, direct: Any, gateway: S3Server, photos: str) -> None:
    """A form whose file is no image is the store's alone."""
    fields = [*_fields(s3, photos), ("file", ("k.txt", b"no image", "text/plain"))]
    assert _send(gateway, f"/{photos}", fields).status == 204
    got, stored = (client.get_object(Bucket=photos, Key="k") for client in (s3, direct))
    assert (stored["ETag"], stored["Body"].read()) == (got["ETag"], got["Body"].read())


def test_forged_forms_change_nothing(s3: Any, direct: Any, gateway: S3Server, photos: str) -> None:
    """A form with another key than its signer permits is refused."""
    fields = [("key", "other") if name == "key" else (name, v) for name, v in _fields(s3, photos)]
    assert _send(gateway, f"/{photos}", [*fields, _UPLOAD]).failure == (403, "AccessDenied")
    assert "Contents" not in direct.list_objects_v2(Bucket=photos)


@pytest.mark.parametrize("bucket", ["photos", "plain"])
def test_forms_signed_with_keys_of_the_gateway(
    direct: Any, upstream: S3Server, shared: Start, new_bucket: NewBucket, bucket: str
) -> None:
    """A key that the store has never heard of signs forms for the gateway."""
    own, main = Keys("app", "app-secret"), upstream.main
    pair = {"upstream_access_key": main.access, "upstream_secret_key": main.secret}
    credentials = [{"access_key": own.access, "secret_key": own.secret, **pair}]
    gateway = S3Server(shared(configuration(upstream, credentials=credentials)).endpoint, (own,))
    name = new_bucket(bucket)
    with s3_client(gateway) as s3:
        fields = [*_fields(s3, name), ("success_action_status", "201")]
        refused = _send(gateway, f"/{name}", [*fields, _UPLOAD])
        assert refused.failure == (403, "AccessDenied")  # a field that the policy does not cover
        assert _send(gateway, f"/{name}", [*_fields(s3, name), _UPLOAD]).status == 204
        found = s3.get_object(Bucket=name, Key="k")
        assert images.score(_FILE, found["Body"].read()) >= images.FLOOR_SCORE
    stored = direct.head_object(Bucket=name, Key="k")["ContentLength"]
    assert (stored < len(_FILE)) == (bucket == "photos")


def test_large_forms_upload(s3: Any, gateway: S3Server, plain: str) -> None:
    """The file of a form may be larger than the part that is checked before forwarding."""
    file = _FILE * 40
    fields = [*_fields(s3, plain), ("file", ("k", file, "image/jpeg"))]
    assert _send(gateway, f"/{plain}", fields).status == 204
    assert s3.get_object(Bucket=plain, Key="k")["Body"].read() == file


class _Case(NamedTuple):
    """The path of a form, the position of its forged field, and the expected refusal."""

    path: str
    order: str
    refusal: tuple[int, str]


_RESERVED: Final = (400, "InvalidRequest")
_CASES: Final = (
    _Case("/{}", "first", _RESERVED),
    _Case("/{}", "last", _RESERVED),
    _Case("/{}", "behind much", (400, "MaxPostPreDataLengthExceededError")),
    _Case("/{}?x-id=Post", "first", _RESERVED),
    _Case("/{}?acl", "last", _RESERVED),
    _Case("/{}?delete", "first", _RESERVED),
    _Case("/{}/k", "first", (405, "MethodNotAllowed")),
    _Case("/{}/k?acl", "first", (405, "MethodNotAllowed")),
)


@pytest.mark.parametrize("case", _CASES, ids=lambda case: f"{case.path}-{case.order}")
@pytest.mark.parametrize("name", [MANIFEST, "X-Amz-Meta-SlimGate", "x_amz_meta_slimgate"])
def test_no_manifest_comes_in_a_form(
    s3: Any, direct: Any, gateway: S3Server, photos: str, name: str, case: _Case
) -> None:
    """A field like the gateway's own metadata is found, wherever a store might read it."""
    forged, fields = (name, '{"v":1}'), _fields(s3, photos)
    ordered = {
        "first": [*fields, forged, _UPLOAD],
        "last": [*fields, ("file", ("k.jpg", _FILE * 40, "image/jpeg")), forged],
        "behind much": [*fields, _FILLING, forged, _UPLOAD],
    }
    assert _send(gateway, case.path.format(photos), ordered[case.order]).failure == case.refusal
    assert "Contents" not in direct.list_objects_v2(Bucket=photos)


def test_other_encodings_are_no_forms(gateway: S3Server, photos: str) -> None:
    """S3 takes multipart/form-data alone, but some imitations take more."""
    headers = {"Host": gateway.host, "Content-Type": "application/x-www-form-urlencoded"}
    answer = wire.send(gateway, "POST", f"/{photos}", headers, b"key=k&x-amz-meta-slimgate=1")
    assert answer.failure == (412, "PreconditionFailed")
