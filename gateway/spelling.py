"""Names as lenient stores read them: what could pass for a header that is judged here is refused.

Stores that follow CGI take ``x_amz_copy_source`` for ``x-amz-copy-source``, and others drop what
cannot stand in a name. The gateway judges the honest spelling alone, so no other one may pass.
"""

import re
from typing import Final

from gateway.errors import S3Error
from gateway.headers import MANIFEST

_PREFIX: Final = "x-amz-"

# RFC 9110 section 5.6.2 without the underscore. Behind ``x-amz-meta-`` the name is the client's
# own, where S3 takes underscores: no store can read another header from it.
_TOKEN: Final = "A-Za-z0-9!#$%&'*+.^`|~-"  # noqa: S105  # characters, not a secret
_HONEST: Final = re.compile(f"x-amz-(?:meta-[_{_TOKEN}]*|(?!meta-)[{_TOKEN}]+)", re.IGNORECASE)
_NOISE: Final = re.compile("[^a-z0-9-]+")


def check_header(name: str) -> None:
    """Refuse a request header whose name a store could read as another one.

    Raises:
        S3Error: InvalidArgument for an underscore outside the client's own metadata keys,
            InvalidRequest for a name that is reserved.
    """
    if "_" in name and not _HONEST.fullmatch(name):
        raise S3Error("InvalidArgument", "Header names with an underscore are not accepted.")
    if name[:2] in {"x-", "X-"}:  # the others cannot be reserved
        check_carried(name)


def check_carried(name: str) -> bool:
    """Tell whether a decoded parameter or form field names an ``x-amz-`` header.

    Raises:
        S3Error: InvalidArgument when only a lenient store would say so, InvalidRequest for a name
            that is reserved.
    """
    if name.isalnum() and name.isascii():  # nearly all parameters
        return False
    read = _NOISE.sub("", name.lower().replace("_", "-"))
    if not read.startswith(_PREFIX):
        return False
    if read.startswith(MANIFEST):
        raise S3Error("InvalidRequest", f"Metadata keys beginning {MANIFEST} are reserved.")
    if not _HONEST.fullmatch(name):
        raise S3Error(
            "InvalidArgument", "A name that begins x-amz- must be spelled as the S3 API spells it."
        )
    return True
