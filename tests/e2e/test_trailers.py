"""JPEG files with something behind their picture, through a whole gateway."""

import hashlib
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.e2e import images

_PICTURE: Final = images.jpeg(600, 440, 95)
_SEFT: Final = b"\0\0\1\n\x0e\0\0\0Image_UTC_Data1700000000000SEFHj\0\0\0\1\0\0\0SEFT"
_VIDEO: Final = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(range(256)) * 300

_UPLOADS: Final = {
    "line break": _PICTURE + b"\r\n",
    "trailer of a phone": _PICTURE + _SEFT,
    "motion photo": _PICTURE + _VIDEO,
    "several pictures": images.several(600, 440),
}


@pytest.mark.parametrize("upload", _UPLOADS.values(), ids=_UPLOADS.keys())
def test_everything_but_the_picture_returns_at_its_place(
    s3: Any, direct: Any, photos: str, upload: bytes
) -> None:
    """HEAD, GET, ranges and listings agree on one file, whose tail is that of the upload."""
    target = {"Bucket": photos, "Key": "IMG_0001.jpg"}
    end = upload.index(b"\xff\xd9") + 2
    tail = upload[end:]
    s3.put_object(**target, Body=upload, ContentType="image/jpeg")
    got, head = s3.get_object(**target), s3.head_object(**target)
    body = got["Body"].read()
    (listed,) = s3.list_objects_v2(Bucket=photos)["Contents"]
    ranged = s3.get_object(**target, Range=f"bytes={end - 2}-{len(upload)}", IfMatch=got["ETag"])
    last = s3.get_object(**target, Range=f"bytes=-{len(tail)}")

    assert got["ResponseMetadata"]["HTTPHeaders"]["x-slimgate-tier"] in {"recode", "downscale"}
    assert direct.head_object(**target)["ContentLength"] < len(upload) - len(_PICTURE) // 2
    assert body[end - 2 :] == ranged["Body"].read() == b"\xff\xd9" + tail
    assert last["Body"].read() == tail
    sizes = {len(body), head["ContentLength"], got["ContentLength"], listed["Size"]}
    assert sizes == {len(upload)}
    assert len({head["ETag"], got["ETag"], listed["ETag"], ranged["ETag"], last["ETag"]}) == 1
    assert images.score(upload[:end], body[:end]) >= images.FLOOR_SCORE
    assert upload.find(b"MPF\0") == body.find(b"MPF\0")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.get_object(**target, IfMatch='"of another file"')


def test_a_file_without_its_end_returns_byte_for_byte(s3: Any, direct: Any, photos: str) -> None:
    """A file that was cut in its last scan is exact, under its own MD5."""
    upload, target = _PICTURE[:-300], {"Bucket": photos, "Key": "cut.jpg"}
    s3.put_object(**target, Body=upload, ContentType="image/jpeg")
    got = s3.get_object(**target)
    assert got["Body"].read() == upload
    assert got["ETag"].strip('"') == hashlib.md5(upload, usedforsecurity=False).hexdigest()
    assert got["ResponseMetadata"]["HTTPHeaders"]["x-slimgate-tier"] == "exact"
    assert direct.head_object(**target)["ContentLength"] < len(upload)
