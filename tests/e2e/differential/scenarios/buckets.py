"""Buckets themselves: made, looked at, and removed; with odd names and at odd times."""

from typing import Final

from tests.e2e.differential.lab import BUCKET, Table, op, raw, unsigned

_OTHER: Final = f"{BUCKET}-2"
_CONFIGURED: Final = (
    b'<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>"
)
# No scenario has a HEAD that Ceph answers with a body: its next answer could not be understood.
_ODD_NAMES: Final = {
    "with one letter": "a",
    "with capitals": "Capital-Bucket",
    "with an underscore": "under_score",
    "with a trailing dash": "dashed-",
    "with two dots": "two..dots",
    "like an address": "192.168.5.123",
    "of 64 letters": "x" * 64,
    "of 300 letters": "x" * 300,
    "with an escaped slash": "a%2Fb",
    "with an escaped space": "a%20b",
    "in Greek": "%CE%B1%CE%B2%CE%B3",
    "with a colon": "tenant:bucket",
}

SCENARIOS: Final[Table] = {
    "service lists buckets of nobody": (unsigned("GET", "/", {}),),
    "service refuses to be written": (raw("PUT", "/"), raw("DELETE", "/"), raw("POST", "/")),
    "service options": (unsigned("OPTIONS", "/", {}),),
    "bucket made and removed": (
        op("create_bucket", Bucket=_OTHER),
        op("head_bucket", Bucket=_OTHER),
        op("delete_bucket", Bucket=_OTHER),
        op("head_bucket", Bucket=_OTHER),
    ),
    "bucket made twice by its owner": (op("create_bucket"), op("head_bucket")),
    "bucket made twice by another": (op("create_bucket", by="alt"),),
    "bucket made by nobody": (op("create_bucket", Bucket=_OTHER, by="nobody"),),
    "bucket made in another region": (
        op("create_bucket", Bucket=_OTHER,
           CreateBucketConfiguration={"LocationConstraint": "eu-north-9"}),
    ),
    "bucket made with a broken body": (raw("PUT", f"/{_OTHER}", body=b"<broken"),),
    "bucket made with an empty region": (raw("PUT", f"/{_OTHER}", body=_CONFIGURED % b""),),
    "bucket made with a canned acl": (
        op("create_bucket", Bucket=_OTHER, ACL="public-read"),
        op("get_bucket_acl", Bucket=_OTHER),
        op("delete_bucket", Bucket=_OTHER),
    ),
    "bucket made with an unknown acl": (raw("PUT", f"/{_OTHER}", {"x-amz-acl": "everything"}),),
    "bucket made with a lock": (
        op("create_bucket", Bucket=_OTHER, ObjectLockEnabledForBucket=True),
        op("get_object_lock_configuration", Bucket=_OTHER),
        op("get_bucket_versioning", Bucket=_OTHER),
        op("delete_bucket", Bucket=_OTHER),
    ),
    "bucket location": (op("get_bucket_location"), raw("GET", "/{bucket}?location")),
    "bucket location of none": (op("get_bucket_location", Bucket="nobody-has-this"),),
    "bucket headed": (op("head_bucket"), raw("HEAD", "/{bucket}"), raw("HEAD", "/{bucket}/")),
    "bucket headed by another": (op("head_bucket", by="alt"),),
    "bucket headed by nobody": (op("head_bucket", by="nobody"),),
    "bucket headed that is not there": (op("head_bucket", Bucket="nobody-has-this"),),
    "bucket removed that is not empty": (
        op("put_object", Key="k", Body=b"x"),
        op("delete_bucket"),
        op("head_object", Key="k"),
    ),
    "bucket removed that is not there": (op("delete_bucket", Bucket="nobody-has-this"),),
    "bucket removed by another": (op("delete_bucket", by="alt"),),
    "bucket written with a slash": (raw("PUT", f"/{_OTHER}/"), raw("DELETE", f"/{_OTHER}/")),
    "bucket written to that is not there": (
        op("put_object", Bucket="nobody-has-this", Key="k", Body=b"x"),
        op("get_object", Bucket="nobody-has-this", Key="k"),
        op("delete_object", Bucket="nobody-has-this", Key="k"),
        op("head_object", Bucket="nobody-has-this", Key="k"),
        op("list_objects_v2", Bucket="nobody-has-this"),
    ),
    "bucket with an expected owner": (
        op("head_bucket", ExpectedBucketOwner="main"),
        op("head_bucket", ExpectedBucketOwner="123456789012"),
        op("list_objects_v2", ExpectedBucketOwner="123456789012"),
    ),
    "bucket with an unknown subresource": (raw("GET", "/{bucket}?nothing"),),
    "bucket with an unknown method": (
        raw("PATCH", "/{bucket}"), raw("TRACE", "/{bucket}"), raw("FROB", "/{bucket}"),
    ),
    "bucket posted to without a form": (raw("POST", "/{bucket}"),),
    "bucket named with an escaped nul": (raw("PUT", "/a%00b"), raw("GET", "/a%00b"), raw("DELETE",
        "/a%00b")),
    **{f"bucket named {what}": (
        raw("PUT", f"/{name}"), raw("HEAD", f"/{name}"), raw("GET", f"/{name}"),
        raw("GET", f"/{name}/k"), raw("DELETE", f"/{name}"),
    ) for what, name in _ODD_NAMES.items()},
}  # fmt: skip
