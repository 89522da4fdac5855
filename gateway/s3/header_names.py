"""Refuse header names that a lenient store could read as another header.

Stores that follow CGI accept ``x_amz_copy_source`` for ``x-amz-copy-source``, others drop invalid
characters, and many accept other vendors' prefixes for ``x-amz-``. The gateway checks only the
standard spelling, so no other may pass.
"""

import functools
import re
from typing import Final

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.headers import MANIFEST

_PREFIX: Final = "x-amz-"
_MAX_CACHED_CHARS: Final = 64

# RFC 9110 section 5.6.2 without the underscore. After ``x-amz-meta-`` the client chooses the name,
# and S3 accepts underscores: no store reads another header from it.
_TOKEN: Final = "A-Za-z0-9!#$%&'*+.^`|~-"  # noqa: S105  # characters, not a secret
_STANDARD_NAME: Final = re.compile(
    f"x-amz-(?:meta-[_{_TOKEN}]*|(?!meta-)[{_TOKEN}]+)", re.IGNORECASE
)
_NOISE: Final = re.compile("[^a-z0-9-]+")

# Ceph accepts metadata and customer keys with six other prefixes (rgw_common.cc, meta_prefixes);
# Google Cloud Storage, OSS, OBS and COS accept their own beside Amazon's.
_OTHER_VENDOR: Final = re.compile(
    "x-(?:account|container|cos|dho|goog|object|obs|oss|rgw)-"
    "(?:meta|copy-source|encryption|metadata-directive|object-lock|server-side-encryption)"
)
_RESERVED: Final = re.compile("x-[a-z0-9-]*meta-" + MANIFEST.removeprefix("x-amz-meta-"))


def check_header(name: str) -> None:
    """Refuse a request header whose name a store could read as another one; short ones are cached.

    Raises:
        S3Error: InvalidArgument for an underscore outside ``x-amz-meta-`` names and for another
            vendor's prefix, InvalidRequest for a reserved name.
    """
    if len(name) <= _MAX_CACHED_CHARS:
        _check_cached(name)
    else:
        _check(name)


def _check(name: str) -> None:
    if "_" in name and not _STANDARD_NAME.fullmatch(name):
        raise S3Error(
            "InvalidArgument",
            "Header names must not contain an underscore, except after x-amz-meta-.",
        )
    if name[:2] in {"x-", "X-"}:  # others cannot be reserved
        names_amz_header(name)


_check_cached = functools.lru_cache(maxsize=1024)(_check)


def names_amz_header(name: str) -> bool:
    """Return whether a decoded parameter or form field is an ``x-amz-`` header.

    Raises:
        S3Error: InvalidArgument if only a lenient store would read it as one, InvalidRequest for a
            reserved name.
    """
    if name.isalnum() and name.isascii():  # nearly all parameters
        return False
    read = _NOISE.sub("", name.lower().replace("_", "-"))
    if _RESERVED.match(read):
        raise S3Error("InvalidRequest", f"Metadata keys that begin with {MANIFEST} are reserved.")
    if _OTHER_VENDOR.match(read):
        raise S3Error("InvalidArgument", f"{read} must use the prefix of the S3 API: x-amz-.")
    if not read.startswith(_PREFIX):
        return False
    if not _STANDARD_NAME.fullmatch(name):
        raise S3Error(
            "InvalidArgument", "A name that begins with x-amz- must be spelled as in the S3 API."
        )
    return True
