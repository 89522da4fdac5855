"""What buckets and objects can be told besides: tags, rules, locks, and their removal."""

import datetime
from typing import Any, Final

from tests.e2e.differential.lab import Scenario, Step, Table, op, raw, unsigned

_PUT: Final = op("put_object", Key="k", Body=b"x")
_LATER: Final = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)


def _tags(count: int, size: int = 1) -> dict[str, Any]:
    return {"TagSet": [{"Key": f"{n}".ljust(size, "k"), "Value": "v" * size} for n in range(count)]}


def _rule(**fields: object) -> dict[str, Any]:
    return {"Rules": [{"ID": "r", "Status": "Enabled", "Prefix": "logs/", **fields}]}


_CORS: Final = {"CORSRules": [
    {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["http://*.example.org"],
        "MaxAgeSeconds": 60,
     "AllowedHeaders": ["x-amz-*", "content-type"], "ExposeHeaders": ["ETag"]},
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
]}  # fmt: skip
_SUBRESOURCES: Final = (
    "accelerate", "acl", "analytics", "cors", "encryption", "intelligent-tiering", "inventory",
    "lifecycle", "logging", "metrics", "notification", "object-lock", "ownershipControls", "policy",
    "policyStatus", "publicAccessBlock", "replication", "requestPayment", "tagging", "versioning",
    "website", "uploads", "versions", "session", "usage", "quota",
)  # fmt: skip


def _kept(what: str, *values: dict[str, Any], **more: Any) -> Scenario:
    """Write each value, and read it back; then remove it, and read again."""
    key = more.get("Key", {})
    steps: list[Step] = [_PUT, op(f"get_{what}", **key)]
    for value in values:
        steps += [op(f"put_{what}", **value, **key), op(f"get_{what}", **key)]
    return (*steps, *((op(f"delete_{what.removesuffix('_configuration')}", **key),
                       op(f"get_{what}", **key)) if more.get("Removable") else ()))  # fmt: skip


def _preflight(origin: str, method: str, asked: str = "") -> Step:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    headers |= {"Access-Control-Request-Headers": asked} if asked else {}
    return unsigned("OPTIONS", "/{bucket}/k", headers)


SCENARIOS: Final[Table] = {
    "tags of a bucket": _kept("bucket_tagging", {"Tagging": _tags(3)}, {"Tagging": _tags(1)},
        Removable=True),
    "tags of an object": _kept("object_tagging", {"Tagging": _tags(3)}, {"Tagging": _tags(10)},
                               Key={"Key": "k"}, Removable=True),
    "tags of an object, too many": _kept("object_tagging", {"Tagging": _tags(11)},
        Key={"Key": "k"}),
    "tags of an object, too long": _kept("object_tagging", {"Tagging": _tags(2, 300)},
        Key={"Key": "k"}),
    "tags of an object, twice": (_PUT, op("put_object_tagging", Key="k", Tagging={"TagSet": [
        {"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}), op("get_object_tagging",
            Key="k")),
    "tags counted on reads": (op("put_object", Key="k", Body=b"x", Tagging="a=1&b=2"),
        op("get_object", Key="k"),
                              op("head_object", Key="k")),
    "tags of another's": (_PUT, op("put_object_tagging", Key="k", Tagging=_tags(1), by="alt"),
                          op("get_object_tagging", Key="k", by="alt"), op("get_bucket_tagging",
                              by="alt")),
    "tags without a body": (_PUT, raw("PUT", "/{bucket}/k?tagging"), raw("PUT", "/{bucket}?tagging",
        body=b"<x")),
    "cors": _kept("bucket_cors", {"CORSConfiguration": _CORS}, Removable=True),
    "cors of nothing": (op("put_bucket_cors", CORSConfiguration={"CORSRules": []}),
        op("get_bucket_cors")),
    "cors asked beforehand": (
        op("put_bucket_cors", CORSConfiguration=_CORS), op("put_object", Key="k", Body=b"x",
            ACL="public-read"),
        _preflight("http://a.example.org", "PUT", "content-type"), _preflight("http://elsewhere",
            "GET"),
        _preflight("http://elsewhere", "PUT"), _preflight("http://a.example.org", "DELETE"),
        _preflight("http://a.example.org", "PUT", "x-other"), unsigned("OPTIONS", "/{bucket}/k",
            {}),
        unsigned("OPTIONS", "/{bucket}", {"Origin": "http://elsewhere",
            "Access-Control-Request-Method": "GET"}),
    ),
    "cors on answers": (
        op("put_bucket_cors", CORSConfiguration=_CORS), op("put_object", Key="k", Body=b"x",
            ACL="public-read"),
        unsigned("GET", "/{bucket}/k", {"Origin": "http://a.example.org"}),
        unsigned("GET", "/{bucket}/k", {"Origin": "http://elsewhere"}),
        unsigned("HEAD", "/{bucket}/k", {"Origin": "http://elsewhere"}),
        raw("GET", "/{bucket}/k", {"Origin": "http://a.example.org"}),
        raw("PUT", "/{bucket}/n", {"Origin": "http://a.example.org"}, b"x"),
        unsigned("GET", "/{bucket}/none", {"Origin": "http://elsewhere"}),
        raw("GET", "/{bucket}", {"Origin": "http://a.example.org"}),
    ),
    "cors of a bucket without": (_preflight("http://elsewhere", "GET"),),
    "cors of no bucket": (unsigned("OPTIONS", "/nobody-has-this/k", {"Origin": "http://x",
        "Access-Control-Request-Method": "GET"}),),
    "lifecycle": _kept("bucket_lifecycle_configuration",
                       {"LifecycleConfiguration": _rule(Expiration={"Days": 5})},
                       {"LifecycleConfiguration": _rule(Expiration={"Date": _LATER})},
                       {"LifecycleConfiguration": _rule(
                           NoncurrentVersionExpiration={"NoncurrentDays": 2})},
                       {"LifecycleConfiguration": _rule(
                           AbortIncompleteMultipartUpload={"DaysAfterInitiation": 2})}),
    "lifecycle that is wrong": _kept("bucket_lifecycle_configuration",
                                     {"LifecycleConfiguration": _rule(Expiration={"Days": 0})},
                                     {"LifecycleConfiguration": _rule(Expiration={"Days": -1})},
                                     {"LifecycleConfiguration": _rule(Status="enabled")},
                                     {"LifecycleConfiguration": _rule(ID="x" * 256)}),
    "lifecycle removed": (
        op("put_bucket_lifecycle_configuration",
            LifecycleConfiguration=_rule(Expiration={"Days": 5})),
        op("put_object", Key="logs/1", Body=b"x"), op("head_object", Key="logs/1"),
        op("delete_bucket_lifecycle"), op("get_bucket_lifecycle_configuration"),
    ),
    "website": (
        *_kept("bucket_website",
            {"WebsiteConfiguration": {"IndexDocument": {"Suffix": "index.html"}}}),
        op("delete_bucket_website"), op("get_bucket_website"),
    ),
    "logging": (op("get_bucket_logging"), op("put_bucket_logging", BucketLoggingStatus={}),
        op("get_bucket_logging")),
    "notification": (
        op("get_bucket_notification_configuration"),
        op("put_bucket_notification_configuration",
            NotificationConfiguration={"TopicConfigurations": [
            {"Id": "n", "TopicArn": "arn:aws:sns:default::none",
                "Events": ["s3:ObjectCreated:*"]}]}),
    ),
    "payment": _kept("bucket_request_payment",
        {"RequestPaymentConfiguration": {"Payer": "Requester"}},
                     {"RequestPaymentConfiguration": {"Payer": "BucketOwner"}}),
    "payment by another": (
        op("put_bucket_request_payment", RequestPaymentConfiguration={"Payer": "Requester"}),
        op("put_object", Key="k", Body=b"x", ACL="public-read"), op("get_object", Key="k",
            by="alt"),
        op("get_object", Key="k", by="alt", RequestPayer="requester"), op("get_object", Key="k",
            by="nobody"),
        op("put_bucket_request_payment", RequestPaymentConfiguration={"Payer": "BucketOwner"}),
    ),
    "encryption of a bucket": (
        op("get_bucket_encryption"),
        op("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}),
        op("get_bucket_encryption"), _PUT, op("head_object", Key="k"),
        op("delete_bucket_encryption"), op("get_bucket_encryption"),
    ),
    "ownership": (op("get_bucket_ownership_controls"),
                  op("put_bucket_ownership_controls", OwnershipControls={
                      "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}),
                          op("get_bucket_ownership_controls")),
    "replication": (op("get_bucket_replication"), op("delete_bucket_replication")),
    "acceleration": (op("get_bucket_accelerate_configuration"),
                     op("put_bucket_accelerate_configuration",
                         AccelerateConfiguration={"Status": "Enabled"})),
    "inventory": (op("list_bucket_inventory_configurations"),
        op("get_bucket_inventory_configuration", Id="x")),
    "lock of a bucket without": (
        op("get_object_lock_configuration"), _PUT, op("get_object_retention", Key="k"),
        op("put_object_legal_hold", Key="k", LegalHold={"Status": "ON"}),
            op("get_object_legal_hold", Key="k"),
        op("put_object_retention", Key="k", Retention={"Mode": "GOVERNANCE",
            "RetainUntilDate": _LATER}),
    ),
    **{f"setting {name}": (raw("GET", f"/{{bucket}}?{name}"),
                           raw("DELETE", f"/{{bucket}}?{name}") if name not in {"uploads",
                               "versions", "usage",
                               "quota", "session", "versioning", "acl", "logging"} else raw("HEAD",
                                   "/{bucket}"),
                           raw("PUT", f"/{{bucket}}?{name}", body=b"<Wrong/>"),
                           raw("GET", f"/{{bucket}}?{name}", by="alt"),
                           unsigned("GET", f"/{{bucket}}?{name}", {})) for name in _SUBRESOURCES},
}  # fmt: skip
