import copy
import hashlib
from typing import Any

import pytest

from bench import promises
from tests.codec.png_files import KINDS, any_png, photograph, sized
from tests.conftest import NewBucket, Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server

_ASCII = b"P2 64 64 255\n" + b" ".join(b"%d" % (i % 251) for i in range(4096))
_TRAILER = images.jpeg(800, 600) + b"a video behind the picture" * 50
_FILES = {
    "k.jpg": (images.jpeg(800, 600), "image/jpeg", "image/jxl"),
    "trailer.jpg": (_TRAILER, "image/jpeg", "image/jxl"),
    "k.bmp": (images.saved(images.photo(), "BMP"), "image/bmp", "image/jxl"),
    "k.gif": (images.saved(images.photo().quantize(64), "GIF"), "image/gif", "image/jxl"),
    "k.tif": (
        images.saved(images.photo(), "TIFF", compression="tiff_lzw"),
        "image/tiff",
        "image/jxl",
    ),
    "ascii.ppm": (_ASCII, "image/x-portable-anymap", "application/zstd"),
}


def _exact(config: dict[str, Any], **policy: Any) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    changed["policies"][0] |= {"tiers": ["exact", "lossless"], "min_saving": 0.01, **policy}
    return changed


@pytest.mark.parametrize("key", sorted(_FILES))
def test_exact_objects_are_the_uploads(
    moto: S3Server, moto_bucket: str, start: Start, key: str
) -> None:
    """Every response has bytes, size and MD5 ETag of the upload; the store has a smaller file."""
    body, mime, stored_type = _FILES[key]
    gateway = moto.at(start(_exact(configuration(moto))).endpoint)
    etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    with s3_client(gateway) as s3, s3_client(moto) as direct:
        put = s3.put_object(Bucket=moto_bucket, Key=key, Body=body, ContentType=mime)
        got = s3.get_object(Bucket=moto_bucket, Key=key)
        (listed,) = s3.list_objects_v2(Bucket=moto_bucket, Prefix=key)["Contents"]
        copied = s3.copy_object(
            Bucket=moto_bucket, Key=f"copy-{key}", CopySource=f"{moto_bucket}/{key}",
            MetadataDirective="REPLACE", ContentType=mime,
        )  # fmt: skip
        stored = [direct.head_object(Bucket=moto_bucket, Key=k) for k in (key, f"copy-{key}")]
    assert body == got["Body"].read()
    assert [etag] * 4 == [
        put["ETag"], got["ETag"], listed["ETag"], copied["CopyObjectResult"]["ETag"]
    ]  # fmt: skip
    assert (len(body), mime) == (listed["Size"], got["ContentType"])
    assert [stored_type] * 2 == [head["ContentType"] for head in stored]
    assert stored[0]["ContentLength"] < len(body)


def test_png_files_of_every_kind(s3: Any, direct: Any, photos: str, new_bucket: NewBucket) -> None:
    """Uploaded or promoted by copying, they are stored small and return as their tier promises."""
    plain = new_bucket("plain")
    for kind in (sized(kind, 200, 150) for kind in KINDS):
        body = any_png(kind, samples=photograph(kind), coder=(1, 8, 0))
        for key, upload in (("put", photos), ("copied", plain)):
            s3.put_object(Bucket=upload, Key=key, Body=body, ContentType="image/png")
        s3.copy_object(Bucket=photos, Key="copied", CopySource=f"{plain}/copied")
        for key in ("put", "copied"):
            got = s3.get_object(Bucket=photos, Key=key)
            assert _judged(body, got) == "", kind
            assert direct.head_object(Bucket=photos, Key=key)["ContentLength"] < len(body)


def _judged(body: bytes, got: Any) -> str:
    tier = got["ResponseMetadata"]["HTTPHeaders"]["x-slimgate-tier"]
    return promises.broken(body, got["Body"].read(), tier, images.FLOOR_SCORE)


def test_lepton_is_stored_where_a_policy_chooses_it(
    moto: S3Server, moto_bucket: str, start: Start
) -> None:
    """The store has a file of its own type; GET and ranges return the uploaded bytes."""
    pytest.importorskip("lepton_jpeg_python", reason="lepton-jpeg-python is not installed")
    body = _FILES["trailer.jpg"][0]
    gateway = moto.at(start(_exact(configuration(moto), exact_codec="lepton")).endpoint)
    with s3_client(gateway) as s3, s3_client(moto) as direct:
        put = s3.put_object(Bucket=moto_bucket, Key="k.jpg", Body=body, ContentType="image/jpeg")
        got = s3.get_object(Bucket=moto_bucket, Key="k.jpg")
        part = s3.get_object(Bucket=moto_bucket, Key="k.jpg", Range="bytes=100-199")
        stored = direct.get_object(Bucket=moto_bucket, Key="k.jpg")
    assert body == got["Body"].read()
    assert body[100:200] == part["Body"].read()
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    assert (got["ContentType"], stored["ContentType"]) == ("image/jpeg", "image/x-lepton")
    assert stored["Body"].read()[:3] == b"\xcf\x84\x01"
