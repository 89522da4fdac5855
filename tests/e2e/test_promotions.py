"""Images that are uploaded outside of any policy, and promoted by copying."""

from typing import Any, Final

import pytest

from tests.e2e import images

_FILE: Final = images.jpeg(260, 200)
_ABOUT: Final[dict[str, Any]] = {
    "ContentType": "image/jpeg", "Metadata": {"a": "1"}, "CacheControl": "no-cache",
}  # fmt: skip


@pytest.fixture
def source(s3: Any, plain: str) -> dict[str, str]:
    """Store an image where no policy is in force."""
    target = {"Bucket": plain, "Key": "tmp/k.jpg"}
    s3.put_object(**target, Body=_FILE, Tagging="colour=red", **_ABOUT)
    return target


def test_a_promoted_image_is_stored_small(
    s3: Any, direct: Any, photos: str, source: dict[str, str]
) -> None:
    """The copy is managed, described as its source, and one object to everybody who asks."""
    target = {"Bucket": photos, "Key": "k.jpg"}
    done = s3.copy_object(**target, CopySource=source)
    got, head = s3.get_object(**target), s3.head_object(**target)
    listed = s3.list_objects_v2(Bucket=photos)["Contents"][0]
    restored = got["Body"].read()
    assert len({each["ETag"] for each in (done["CopyObjectResult"], got, head, listed)}) == 1
    assert done["CopyObjectResult"]["LastModified"] == head["LastModified"]
    assert [got["ContentLength"], head["ContentLength"], listed["Size"]] == [len(_FILE)] * 3
    assert {name: got[name] for name in _ABOUT} == _ABOUT
    assert images.score(_FILE, restored) >= images.FLOOR_SCORE
    tags = s3.get_object_tagging(**target)["TagSet"]
    assert tags == direct.get_object_tagging(**source)["TagSet"]
    assert direct.head_object(**target)["ContentType"] == "image/avif"


def test_a_promoted_image_with_new_metadata(
    s3: Any, direct: Any, photos: str, source: dict[str, str]
) -> None:
    """Metadata of the request replaces that of the source, on the rendition, too."""
    target = {"Bucket": photos, "Key": "k.jpg"}
    s3.copy_object(
        **target, CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"},
        ContentType="image/x-other",
    )  # fmt: skip
    head = s3.head_object(**target)
    assert (head["ContentType"], head["Metadata"]) == ("image/x-other", {"b": "2"})
    assert direct.head_object(**target)["ContentType"] == "image/avif"


def test_a_promoted_image_is_shared_as_asked(
    s3: Any, direct: Any, photos: str, source: dict[str, str]
) -> None:
    """The ACL of the copy is that of the request."""
    target = {"Bucket": photos, "Key": "k.jpg"}
    s3.copy_object(**target, CopySource=source, ACL="public-read")
    grants = direct.get_object_acl(**target)["Grants"]
    assert "READ" in {grant["Permission"] for grant in grants}
    assert direct.head_object(**target)["ContentType"] == "image/avif"


def test_a_plain_image_copied_onto_itself_is_stored_small(
    s3: Any, direct: Any, photos: str
) -> None:
    """Rewriting an object in place has it optimized, and loses nothing that was said of it."""
    target = {"Bucket": photos, "Key": "k.jpg"}
    direct.put_object(**target, Body=_FILE, **_ABOUT)
    done = s3.copy_object(
        **target, CopySource=target, MetadataDirective="REPLACE", Metadata={"b": "2"},
        ContentType="image/jpeg",
    )  # fmt: skip
    head = s3.head_object(**target)
    assert (head["ContentType"], head["Metadata"]) == ("image/jpeg", {"b": "2"})
    assert head["ETag"] == done["CopyObjectResult"]["ETag"]
    assert direct.head_object(**target)["ContentLength"] < len(_FILE)


def test_a_source_in_parts_is_promoted(s3: Any, direct: Any, photos: str, plain: str) -> None:
    """A copy of an object that was uploaded in parts is optimized, too."""
    source, target = ({"Bucket": name, "Key": "k.jpg"} for name in (plain, photos))
    upload = {**source, "UploadId": s3.create_multipart_upload(**source)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=_FILE)
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    done = s3.copy_object(**target, CopySource=source)
    assert s3.head_object(**target)["ETag"] == done["CopyObjectResult"]["ETag"]
    assert direct.head_object(**target)["ContentType"] == "image/avif"


def test_a_shadow_policy_watches_copies(
    s3: Any, direct: Any, new_bucket: Any, source: dict[str, str]
) -> None:
    """Under a shadow policy a copy is what the store has made of it."""
    target = {"Bucket": new_bucket("shadow"), "Key": "k.jpg"}
    s3.copy_object(**target, CopySource=source)
    assert direct.get_object(**target)["Body"].read() == _FILE
