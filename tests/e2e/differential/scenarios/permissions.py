"""Permissions: canned ACLs, grants, bucket policies, and public access."""

import json
from typing import Final

from tests.e2e.differential.lab import Scenario, Table, op, raw, unsigned

_PUT: Final = op("put_object", Key="k", Body=b"x")
_EVERYBODY: Final = "http://acs.amazonaws.com/groups/global/AllUsers"
_CANNED: Final = (
    "private", "public-read", "public-read-write", "authenticated-read", "bucket-owner-read",
    "bucket-owner-full-control",
)  # fmt: skip
_GRANTS: Final = {
    "read to a user": {"x-amz-grant-read": 'id="alt"'},
    "everything to a user": {"x-amz-grant-full-control": 'id="alt"'},
    "read to everybody": {"x-amz-grant-read": f'uri="{_EVERYBODY}"'},
    "acl to a user": {"x-amz-grant-read-acp": "id=alt", "x-amz-grant-write-acp": "id=alt"},
    "read to nobody known": {"x-amz-grant-read": 'id="unheard-of"'},
    "read to an address": {"x-amz-grant-read": 'emailAddress="nobody@localhost"'},
    "read to nonsense": {"x-amz-grant-read": "nonsense"},
    "read to two": {"x-amz-grant-read": 'id="alt", id="main"'},
    "and an acl": {"x-amz-acl": "private", "x-amz-grant-read": 'id="alt"'},
}
_BROKEN_ACLS: Final = {
    "that is empty": b"", "that is no XML": b"not xml", "of another kind": b"<Other/>",
    "without an owner": b"<AccessControlPolicy><AccessControlList/></AccessControlPolicy>",
    "with an entity":
        b'<!DOCTYPE a [<!ENTITY b "c">]><AccessControlPolicy>&b;</AccessControlPolicy>',
}  # fmt: skip


def _policy(action: str, principal: object = "*", effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Principal": principal, "Action": action,
                 "Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"]}  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _tried_by(who: str) -> Scenario:
    return (
        op("get_object", Key="k", by=who), op("list_objects_v2", by=who), op("get_object_acl",
            Key="k", by=who),
        op("put_object", Key="n", Body=b"n", by=who), op("delete_object", Key="n", by=who),
        op("head_bucket", by=who), op("get_bucket_acl", by=who),
    )  # fmt: skip


SCENARIOS: Final[Table] = {
    **{f"acl {canned} of an object": (
        op("put_object", Key="k", Body=b"x", ACL=canned), op("get_object_acl", Key="k"),
        *_tried_by("alt"), *_tried_by("nobody"), op("put_object_acl", Key="k", ACL="private"),
        op("get_object_acl", Key="k"), op("get_object", Key="k", by="alt"),
    ) for canned in _CANNED},
    **{f"acl {canned} of a bucket": (
        _PUT, op("put_bucket_acl", ACL=canned), op("get_bucket_acl"), *_tried_by("alt"),
            *_tried_by("nobody"),
    ) for canned in _CANNED[:4]},
    **{f"acl that grants {what}": (
        raw("PUT", "/{bucket}/k", headers, b"x"), op("get_object_acl", Key="k"), *_tried_by("alt"),
        raw("PUT", "/{bucket}?acl", headers), op("get_bucket_acl"), op("list_objects_v2", by="alt"),
    ) for what, headers in _GRANTS.items()},
    **{f"acl {what}": (
        _PUT, raw("PUT", "/{bucket}/k?acl", body=body), raw("PUT", "/{bucket}?acl", body=body),
        op("get_object_acl", Key="k"),
    ) for what, body in _BROKEN_ACLS.items()},
    "acl that is unknown": (raw("PUT", "/{bucket}/k", {"x-amz-acl": "everything"}, b"x"),
                            raw("PUT", "/{bucket}?acl", {"x-amz-acl": "everything"})),
    "acl of an object that is not there": (op("put_object_acl", Key="none", ACL="private"),),
    "acl taken from the answer": (
        _PUT, op("put_object_acl", Key="k", AccessControlPolicy={
            "Owner": {"ID": "main", "DisplayName": "main"},
            "Grants": [{"Grantee": {"ID": "alt", "Type": "CanonicalUser"}, "Permission": "READ"}],
        }), op("get_object_acl", Key="k"), op("get_object", Key="k", by="alt"),
    ),
    "policy that lets everybody read": (
        _PUT, op("put_bucket_policy", Policy=_policy("s3:GetObject")), op("get_bucket_policy"),
        op("get_bucket_policy_status"), *_tried_by("nobody"), op("delete_bucket_policy"),
        op("get_object", Key="k", by="nobody"), op("get_bucket_policy"),
    ),
    "policy that lets everybody list": (
        _PUT, op("put_bucket_policy", Policy=_policy("s3:ListBucket")), *_tried_by("nobody"),
            *_tried_by("alt"),
    ),
    "policy that lets a user do everything": (
        _PUT, op("put_bucket_policy", Policy=_policy("s3:*", {"AWS": "arn:aws:iam:::user/alt"})),
        *_tried_by("alt"), *_tried_by("nobody"),
    ),
    "policy that forbids": (
        _PUT, op("put_bucket_policy", Policy=_policy("s3:GetObject", effect="Deny")),
        op("get_object", Key="k"), op("head_object", Key="k"), op("delete_bucket_policy"),
    ),
    "policy that is no policy": (
        op("put_bucket_policy", Policy="no json"), op("put_bucket_policy", Policy="{}"),
        raw("PUT", "/{bucket}?policy"), op("get_bucket_policy"),
    ),
    "policy with a condition on tags": (
        op("put_object", Key="k", Body=b"x", Tagging="security=public"),
        op("put_bucket_policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::{bucket}/*",
            "Condition": {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}}]})),
        op("get_object", Key="k", by="nobody"),
    ),
    "access of the public blocked": (
        op("get_public_access_block"),
        op("put_public_access_block", PublicAccessBlockConfiguration={
            "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True}),
        op("get_public_access_block"), op("put_bucket_acl", ACL="public-read"),
        op("put_object", Key="k", Body=b"x", ACL="public-read"),
        op("put_bucket_policy", Policy=_policy("s3:GetObject")), op("delete_public_access_block"),
    ),
    "access by nobody to a public object": (
        op("put_object", Key="k", Body=b"public", ACL="public-read"), unsigned("GET", "/{bucket}/k",
            {}),
        unsigned("HEAD", "/{bucket}/k", {}), unsigned("GET", "/{bucket}/k", {"Range": "bytes=0-1"}),
        unsigned("GET", "/{bucket}/k?acl", {}), unsigned("DELETE", "/{bucket}/k", {}),
        unsigned("GET", "/{bucket}/none", {}), unsigned("GET", "/{bucket}", {}),
    ),
    "access by nobody to a public bucket": (
        op("put_bucket_acl", ACL="public-read-write"), unsigned("PUT", "/{bucket}/k", {},
            b"from nobody"),
        unsigned("GET", "/{bucket}/k", {}), op("get_object", Key="k"), op("get_object_acl",
            Key="k"),
        unsigned("GET", "/{bucket}", {}), unsigned("DELETE", "/{bucket}/k", {}),
    ),
}  # fmt: skip
