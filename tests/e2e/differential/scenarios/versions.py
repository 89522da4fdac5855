"""Buckets that keep versions: markers, null versions, listings, removal, and locks."""

import datetime
from typing import Final

from tests.e2e.differential.lab import BUCKET, Step, Table, got, op, raw

_LATER: Final = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)
_LOCKED: Final = f"{BUCKET}-l"


def _versioning(status: str) -> Step:
    return op("put_bucket_versioning", VersioningConfiguration={"Status": status})


def _put(body: bytes, key: str = "k") -> Step:
    return op("put_object", Key=key, Body=body)


_ON: Final = _versioning("Enabled")
_OFF: Final = _versioning("Suspended")
_LIST: Final = op("list_object_versions")
_FIRST: Final = got("VersionId", 0)
_LAST: Final = got("VersionId", -1)
_TWO: Final = (_ON, _put(b"one"), _put(b"two"))
_NO_VERSION: Final = (
    "nonsense",
    "",
    "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
)


def _held(mode: str) -> tuple[Step, ...]:
    return (
        op("create_bucket", Bucket=_LOCKED, ObjectLockEnabledForBucket=True),
        op("put_object", Bucket=_LOCKED, Key="k", Body=b"x"),
        op("put_object_retention", Bucket=_LOCKED, Key="k",
           Retention={"Mode": mode, "RetainUntilDate": _LATER}),
        op("get_object_retention", Bucket=_LOCKED, Key="k"),
        op("head_object", Bucket=_LOCKED, Key="k"),
        op("delete_object", Bucket=_LOCKED, Key="k", VersionId=_FIRST),
        op("put_object_retention", Bucket=_LOCKED, Key="k", BypassGovernanceRetention=True,
            Retention={}),
    )  # fmt: skip


SCENARIOS: Final[Table] = {
    "versions told of a bucket": (
        op("get_bucket_versioning"), _ON, op("get_bucket_versioning"), _OFF,
            op("get_bucket_versioning"),
        raw("PUT", "/{bucket}?versioning", body=b"<VersioningConfiguration/>"),
            _versioning("Sometimes"),
        op("get_bucket_versioning", by="alt"),
    ),
    "versions of one key": (
        *_TWO, op("get_object", Key="k"), op("get_object", Key="k", VersionId=_FIRST),
        op("head_object", Key="k", VersionId=_FIRST), _LIST, op("list_objects_v2"),
        op("get_object", Key="k", VersionId=_FIRST, Range="bytes=0-1"),
        op("get_object_attributes", Key="k", VersionId=_FIRST, ObjectAttributes=["ETag",
            "ObjectSize"]),
    ),
    "version removed": (*_TWO, op("delete_object", Key="k", VersionId=_FIRST), _LIST,
                        op("get_object", Key="k", VersionId=_FIRST), op("get_object", Key="k")),
    "version removed that is the current": (*_TWO, op("delete_object", Key="k", VersionId=_LAST),
        op("get_object", Key="k"), _LIST),
    "version marked as removed": (
        *_TWO, op("delete_object", Key="k"), op("get_object", Key="k"), op("head_object", Key="k"),
            _LIST,
        op("list_objects_v2"), op("get_object", Key="k", VersionId=_LAST), op("head_object",
            Key="k", VersionId=_LAST),
        op("delete_object", Key="k", VersionId=got("VersionId", 2)), op("get_object", Key="k"),
            _LIST,
    ),
    "version marked twice": (_ON, op("delete_object", Key="k"), op("delete_object", Key="k"),
        _LIST),
    "version null": (
        _put(b"null"), _ON, _put(b"new"), op("get_object", Key="k", VersionId="null"), _LIST,
        op("delete_object", Key="k", VersionId="null"), _LIST,
    ),
    "version null of suspended": (
        *_TWO, _OFF, _put(b"null"), _put(b"null again"), op("get_object", Key="k"), _LIST,
            op("delete_object", Key="k"), _LIST,
        op("get_object", Key="k", VersionId=_FIRST), op("delete_object", Key="k", VersionId="null"),
            _LIST,
    ),
    "version of a bucket without": (_put(b"x"), op("get_object", Key="k", VersionId="null"),
        op("get_object", Key="k", VersionId="no"),
                                    op("delete_object", Key="k", VersionId="null"), op("get_object",
                                        Key="k")),
    **{f"version named {name!r}": (*_TWO, raw("GET", f"/{{bucket}}/k?versionId={name}"), raw("HEAD",
        f"/{{bucket}}/k?versionId={name}"),
                                   raw("DELETE", f"/{{bucket}}/k?versionId={name}"))
                                       for name in _NO_VERSION},
    "versions in pages": (
        *_TWO, _put(b"3", "l"), _put(b"4", "l"), _put(b"5", "m/n"), op("list_object_versions",
            MaxKeys=1),
        op("list_object_versions", MaxKeys=2, KeyMarker=got("NextKeyMarker"),
            VersionIdMarker=got("NextVersionIdMarker")),
        op("list_object_versions", KeyMarker="k"), op("list_object_versions", Prefix="l"),
            op("list_object_versions", Delimiter="/"),
        op("list_object_versions", MaxKeys=0), op("list_object_versions", VersionIdMarker=_FIRST,
            KeyMarker="k"),
        op("list_object_versions", EncodingType="url", Prefix="m"),
    ),
    "versions removed at once": (
        *_TWO, op("delete_objects", Delete={"Objects": [{"Key": "k", "VersionId": _FIRST},
            {"Key": "k"}, {"Key": "none"}]}), _LIST,
        op("delete_objects", Delete={"Objects": [{"Key": "k", "VersionId": "nonsense"}],
            "Quiet": True}),
    ),
    "version with an acl": (
        *_TWO, op("put_object_acl", Key="k", VersionId=_FIRST, ACL="public-read"),
            op("get_object_acl", Key="k", VersionId=_FIRST),
        op("get_object_acl", Key="k"), op("get_object", Key="k", VersionId=_FIRST, by="nobody"),
            op("get_object", Key="k", by="nobody"),
    ),
    "version with tags": (
        *_TWO, op("put_object_tagging", Key="k", VersionId=_FIRST, Tagging={"TagSet": [{"Key": "a",
            "Value": "1"}]}),
        op("get_object_tagging", Key="k", VersionId=_FIRST), op("get_object_tagging", Key="k"),
        op("delete_object_tagging", Key="k", VersionId=_FIRST), op("get_object_tagging", Key="k",
            VersionId=_FIRST),
    ),
    "version copied": (
        *_TWO, op("copy_object", Key="c",
            CopySource=lambda lab: f"{lab.bucket}/k?versionId={_FIRST(lab)}"), op("get_object",
            Key="c"),
        op("copy_object", Key="c", CopySource="{bucket}/k?versionId=nonsense"), op("copy_object",
            Key="k", CopySource="{bucket}/k",
            MetadataDirective="REPLACE"), _LIST,
    ),
    "version made of parts": (
        _ON, op("create_multipart_upload", Key="k"), op("upload_part", Key="k",
            UploadId=got("UploadId"), PartNumber=1, Body=b"x"),
        op("complete_multipart_upload", Key="k", UploadId=got("UploadId"),
           MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": got("ETag")}]}), op("get_object",
               Key="k"), _LIST,
    ),
    "lock by governance": (*_held("GOVERNANCE"), op("delete_object", Bucket=_LOCKED, Key="k",
        VersionId=_FIRST, BypassGovernanceRetention=True)),
    "lock by compliance": (*_held("COMPLIANCE"), op("delete_object", Bucket=_LOCKED, Key="k",
        VersionId=_FIRST, BypassGovernanceRetention=True)),
    "lock by a hold": (
        op("create_bucket", Bucket=_LOCKED, ObjectLockEnabledForBucket=True), op("put_object",
            Bucket=_LOCKED, Key="k", Body=b"x"),
        op("put_object_legal_hold", Bucket=_LOCKED, Key="k", LegalHold={"Status": "ON"}),
            op("get_object_legal_hold", Bucket=_LOCKED, Key="k"),
        op("delete_object", Bucket=_LOCKED, Key="k", VersionId=_FIRST), op("head_object",
            Bucket=_LOCKED, Key="k"),
        op("put_object_legal_hold", Bucket=_LOCKED, Key="k", LegalHold={"Status": "OFF"}),
        op("delete_object", Bucket=_LOCKED, Key="k", VersionId=_FIRST),
    ),
    "lock by default": (
        op("create_bucket", Bucket=_LOCKED, ObjectLockEnabledForBucket=True),
        op("put_object_lock_configuration", Bucket=_LOCKED, ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE",
                "Days": 1}}}),
        op("get_object_lock_configuration", Bucket=_LOCKED), op("put_bucket_versioning",
            Bucket=_LOCKED,
            VersioningConfiguration={"Status": "Suspended"}),
        op("put_object_lock_configuration", Bucket=_LOCKED, ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE",
                "Days": 0}}}),
    ),
}  # fmt: skip
