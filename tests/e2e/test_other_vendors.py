"""What Ceph does and Amazon does not: prefixes of other vendors, and appending."""

import base64
import hashlib
from typing import Final

import pytest

from tests.conftest import Start
from tests.e2e import images, wire
from tests.gateway.s3.test_query import VENDORS
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server

_BUCKET: Final = "photos-vendors"
_KEY: Final = b"k" * 32
_CUSTOMER: Final = {
    "algorithm": "AES256",
    "key": base64.b64encode(_KEY).decode(),
    "key-md5": base64.b64encode(hashlib.md5(_KEY, usedforsecurity=False).digest()).decode(),
}


@pytest.fixture(scope="module")
def bucket(rgw: S3Server) -> str:
    """Make a bucket in Ceph."""
    with s3_client(rgw) as direct:
        direct.create_bucket(Bucket=_BUCKET)
    return _BUCKET


def test_ceph_gets_no_manifest_by_another_name(rgw: S3Server, bucket: str, start: Start) -> None:
    """Neither the bearer of a presigned URL nor a caller writes a manifest; nothing is stored."""
    gateway = rgw.at(start(configuration(rgw, engine={"workers": 1})).endpoint)
    path = f"/{bucket}/forged"
    for vendor in VENDORS:
        said = {f"x-{vendor}-meta-slimgate": '{"v":1}'}
        url = wire.presigned(gateway, path, method="PUT")
        answers = [
            wire.send(gateway, "PUT", url, {"Host": gateway.host, **said}, b"text"),
            wire.ask(gateway, "PUT", path, said, b"text"),
            wire.ask(gateway, "POST", f"{path}?uploads", said),
        ]
        assert [answer.failure for answer in answers] == [(400, "InvalidRequest")] * 3
    with s3_client(rgw) as direct:
        assert "Contents" not in direct.list_objects_v2(Bucket=bucket)


def test_ceph_gets_no_customer_key_by_another_name(
    rgw: S3Server, bucket: str, start: Start
) -> None:
    """What would be encrypted with a key of the client is not taken for an image to optimize."""
    gateway = rgw.at(start(configuration(rgw, engine={"workers": 1})).endpoint)
    said = {f"x-rgw-server-side-encryption-customer-{name}": v for name, v in _CUSTOMER.items()}
    answer = wire.ask(gateway, "PUT", f"/{bucket}/secret.jpg", said, images.jpeg())
    assert answer.failure == (400, "InvalidArgument")


def test_ceph_appends_to_images(rgw: S3Server, bucket: str, start: Start) -> None:
    """An upload that others are appended to is stored as it came: positions count its bytes."""
    gateway = rgw.at(start(configuration(rgw, engine={"workers": 1})).endpoint)
    image = images.jpeg()
    for position, piece in ((0, image), (len(image), b"more")):
        path = f"/{bucket}/grows.jpg?append&position={position}"
        assert wire.ask(gateway, "PUT", path, body=piece).failure == (200, "")
    assert wire.ask(gateway, "GET", f"/{bucket}/grows.jpg").body == image + b"more"
