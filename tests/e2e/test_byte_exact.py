"""Uploads whose very bytes count, in a bucket whose policy allows every tier."""

import hashlib
from pathlib import Path
from typing import Any, Final

import pytest
from multidict import CIMultiDict

from tests.e2e import images, wire
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server
from tests.servers.tool import Tool

_JPEG: Final = images.jpeg(500, 440, 95)
_HARD: Final = images.noise(96)
_NO_TRANSFORM: Final = {"CacheControl": "max-age=60, no-transform"}


def _key(data: bytes, name: str) -> str:
    digest = hashlib.new(name, data, usedforsecurity=False).hexdigest()
    return f"{digest[:2]}/{digest[2:4]}/{digest[4:]}.jpg"


_CASES: Final = [("k", _NO_TRANSFORM), *((_key(_JPEG, n), {}) for n in ("md5", "sha1", "sha256"))]


@pytest.mark.parametrize(("key", "said"), _CASES)
@pytest.mark.parametrize("in_parts", [False, True])
def test_uploads_return_as_they_came(
    s3: Any, direct: Any, photos: str, key: str, said: Any, in_parts: bool
) -> None:
    """Such an image is stored small only where all of its bytes come back."""
    target = {"Bucket": photos, "Key": key}
    if in_parts:
        upload = {**target, "UploadId": s3.create_multipart_upload(**target, **said)["UploadId"]}
        part = s3.upload_part(**upload, PartNumber=1, Body=_JPEG)
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    else:
        s3.put_object(**target, Body=_JPEG, **said)
    got = s3.get_object(**target)
    assert got["Body"].read() == _JPEG
    assert got["ResponseMetadata"]["HTTPHeaders"]["x-slimgate-tier"] == "exact"
    assert direct.head_object(**target)["ContentLength"] < len(_JPEG)


def test_every_line_of_a_header_counts(s3: Any, gateway: S3Server, photos: str) -> None:
    """HTTP allows a list in several lines of one name."""
    path, digest = f"/{photos}/k", hashlib.sha256(_JPEG).hexdigest()
    sent = CIMultiDict(wire.signed(gateway, "PUT", path, {}, payload_hash=digest))
    for directive in ("max-age=60", "no-transform"):
        sent.add("Cache-Control", directive)
    assert wire.send(gateway, "PUT", path, sent, _JPEG).status == 200
    assert s3.get_object(Bucket=photos, Key="k")["Body"].read() == _JPEG


def test_what_cannot_be_exact_stays(
    s3: Any, direct: Any, process: GatewayProcess, photos: str
) -> None:
    """The reason why an upload stays as it is says what asks for its bytes."""
    s3.put_object(Bucket=photos, Key="noise", Body=_HARD, **_NO_TRANSFORM)
    assert direct.get_object(Bucket=photos, Key="noise")["Body"].read() == _HARD
    line = process.wait_for("stored as uploaded", bucket=photos, key="noise")
    assert "byte for byte (Cache-Control says no-transform): " in line["reason"]


def test_tools_heed_it(
    upstream: S3Server, direct: Any, s3: Any, photos: str, tmp_path: Path
) -> None:
    """A run over the bucket, and what explains an object, treat it as an upload would be."""
    key = _key(_JPEG, "sha256")
    direct.put_object(Bucket=photos, Key=key, Body=_JPEG)
    direct.put_object(Bucket=photos, Key="other", Body=_JPEG, **_NO_TRANSFORM)
    tool = Tool({**configuration(upstream), "engine": {"workers": 1}}, tmp_path)
    told = tool.run("explain", f"s3://{photos}/other")
    assert "only byte for byte: Cache-Control says no-transform" in told.stdout, told.stderr
    done, _ = tool.on_bucket("optimize", f"s3://{photos}/")
    assert done.returncode == 0, done.stderr
    for name in (key, "other"):
        assert s3.get_object(Bucket=photos, Key=name)["Body"].read() == _JPEG
        assert direct.head_object(Bucket=photos, Key=name)["ContentLength"] < len(_JPEG)
