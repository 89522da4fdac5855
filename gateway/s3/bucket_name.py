"""Validate bucket names that come from outside."""

import re
from typing import Final

from slimgate.gateway.s3.errors import S3Error

# Amazon S3 user guide, "Bucket naming rules", including the legacy rules of us-east-1: 255
# characters, capitals and underscores. Ceph Object Gateway, "Multitenancy": "tenant:bucket" is a
# bucket of another tenant, ":bucket" one without a tenant; its tools write "tenant$bucket".
_BUCKET: Final = re.compile(r"(?:[A-Za-z0-9_]{0,128}[:$])?[A-Za-z0-9._-]{3,255}")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_IPV4_LIKE: Final = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_MAX_DNS_NAME: Final = 63


def is_bucket_name(text: str) -> bool:
    """Return whether a text is a valid bucket name."""
    return _BUCKET.fullmatch(text) is not None


def check_bucket_name(text: str) -> None:
    """Refuse an invalid bucket name.

    Raises:
        S3Error: InvalidBucketName.
    """
    if not is_bucket_name(text):
        raise S3Error(
            "InvalidBucketName",
            "A bucket name has 3 to 255 letters, digits, dots, dashes and underscores, and may "
            "begin with the tenant that owns it and a colon.",
        )


def fits_host_name(bucket: str, *, dots: bool) -> bool:
    """Return whether a bucket name can be part of a host name.

    Args:
        bucket: A valid name.
        dots: Whether several labels are allowed; a wildcard certificate covers only one.
    """
    if not 3 <= len(bucket) <= _MAX_DNS_NAME or _IPV4_LIKE.fullmatch(bucket):
        return False
    labels = bucket.split(".") if dots else [bucket]
    return all(map(_LABEL.fullmatch, labels))
