"""Objects under lock are stored as uploaded: their bytes must not change."""

import base64
import hashlib
from typing import Any

import pytest

from tests.e2e import images, wire
from tests.servers.server import S3Server

_DAY = {"Mode": "GOVERNANCE", "Days": 1}


@pytest.fixture
def lockable(direct: Any, new_bucket: Any) -> str:
    """Make an optimized bucket in which objects can be locked."""
    name = f"{new_bucket('photos')}-lockable"
    direct.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def _stored(direct: Any, bucket: str, key: str) -> bytes:
    stored: bytes = direct.get_object(Bucket=bucket, Key=key)["Body"].read()
    return stored


def test_retention_by_default(s3: Any, direct: Any, lockable: str) -> None:
    """In a bucket that locks what it gets, images stay as they were uploaded."""
    direct.put_object_lock_configuration(
        Bucket=lockable,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": _DAY}
        },
    )  # fmt: skip
    body = images.jpeg()
    s3.put_object(Bucket=lockable, Key="k", Body=body)
    assert body == _stored(direct, lockable, "k")


def test_legal_hold_in_a_query(direct: Any, gateway: S3Server, lockable: str) -> None:
    """An upload by a URL that carries a legal hold stays as it came."""
    body = images.jpeg()
    path = f"/{lockable}/held?x-amz-object-lock-legal-hold=ON"
    md5 = hashlib.md5(body, usedforsecurity=False).digest()  # stores want it of what they lock
    headers = {"Host": gateway.host, "Content-MD5": base64.b64encode(md5).decode()}
    url = wire.presigned(gateway, path, method="PUT")
    answer = wire.send(gateway, "PUT", url, headers, body)
    assert answer.failure == (200, "")
    assert _stored(direct, lockable, "held") == body


def test_legal_hold(s3: Any, direct: Any, lockable: str) -> None:
    """An upload under legal hold stays as it came; its neighbour without one is optimized."""
    body = images.jpeg()
    s3.put_object(Bucket=lockable, Key="held", Body=body, ObjectLockLegalHoldStatus="ON")
    assert body == _stored(direct, lockable, "held")
    s3.put_object(Bucket=lockable, Key="free", Body=body)
    assert len(_stored(direct, lockable, "free")) < len(body)
