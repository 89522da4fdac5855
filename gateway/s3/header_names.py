"""Names as lenient stores read them: what could pass for a header that is judged here is refused.

Stores that follow CGI take ``x_amz_copy_source`` for ``x-amz-copy-source``, others drop what cannot
stand in a name, and many take another vendor's prefix for ``x-amz-``. The gateway judges the honest
spelling alone, so no other one may pass.
"""

import re
from typing import Final

from gateway.s3.errors import S3Error
from gateway.s3.headers import MANIFEST

_PREFIX: Final = "x-amz-"

# RFC 9110 section 5.6.2 without the underscore. Behind ``x-amz-meta-`` the name is the client's
# own, where S3 takes underscores: no store can read another header from it.
_TOKEN: Final = "A-Za-z0-9!#$%&'*+.^`|~-"  # noqa: S105  # characters, not a secret
_HONEST: Final = re.compile(f"x-amz-(?:meta-[_{_TOKEN}]*|(?!meta-)[{_TOKEN}]+)", re.IGNORECASE)
_NOISE: Final = re.compile("[^a-z0-9-]+")

# Ceph reads metadata and customer keys behind six other prefixes (rgw_common.cc, meta_prefixes);
# Google Cloud Storage, OSS, OBS and COS have their own beside that of Amazon.
_OTHER_VENDOR: Final = re.compile(
    "x-(?:account|container|cos|dho|goog|object|obs|oss|rgw)-"
    "(?:meta|copy-source|encryption|metadata-directive|object-lock|server-side-encryption)"
)
_RESERVED: Final = re.compile("x-[a-z0-9-]*meta-" + MANIFEST.removeprefix("x-amz-meta-"))


def check_header(name: str) -> None:
    """Refuse a request header whose name a store could read as another one.

    Raises:
        S3Error: InvalidArgument for an underscore outside the client's own metadata keys and for
            another vendor's prefix, InvalidRequest for a name that is reserved.
    """
    if "_" in name and not _HONEST.fullmatch(name):
        raise S3Error("InvalidArgument", "Header names with an underscore are not accepted.")
    if name[:2] in {"x-", "X-"}:  # the others cannot be reserved
        check_carried(name)


def check_carried(name: str) -> bool:
    """Return whether a decoded parameter or form field names an ``x-amz-`` header.

    Raises:
        S3Error: InvalidArgument when only a lenient store would say so, InvalidRequest for a name
            that is reserved.
    """
    if name.isalnum() and name.isascii():  # nearly all parameters
        return False
    read = _NOISE.sub("", name.lower().replace("_", "-"))
    if _RESERVED.match(read):
        raise S3Error("InvalidRequest", f"Metadata keys beginning {MANIFEST} are reserved.")
    if _OTHER_VENDOR.match(read):
        raise S3Error("InvalidArgument", f"{read} must be spelled as the S3 API spells it: x-amz-.")
    if not read.startswith(_PREFIX):
        return False
    if not _HONEST.fullmatch(name):
        raise S3Error(
            "InvalidArgument", "A name that begins x-amz- must be spelled as the S3 API spells it."
        )
    return True
