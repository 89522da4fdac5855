"""The text that Signature Version 2 signs, and the refusal of all that the text leaves open.

Version 2 puts decoded values on lines of their own and signs some parameters only. Whatever could
move a line, stand for two requests, or change a request without changing the text, is refused here.

Source: Amazon S3 developer guide, "Signing and authenticating REST requests".
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from gateway.s3.canonical import check_printable, query_pairs, unescaped
from gateway.s3.errors import S3Error

PARAMETERS: Final = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
"""What a presigned URL carries instead of headers."""

# Parameters that are signed as a part of the resource: those of the developer guide, boto 2 and
# botocore (HmacV1Auth.QSAOfInterest), whose lists have grown with the API.
SIGNED: Final = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory",
        "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "partNumber",
        "policy", "replication", "requestPayment", "response-cache-control",
        "response-content-disposition", "response-content-encoding", "response-content-language",
        "response-content-type", "response-expires", "restore", "select", "select-type",
        "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
        "versions", "website",
    }
)  # fmt: skip
_OVERRIDE: Final = "response-"

# What selects a page of a listing is not signed. It does not change what a caller may do, and a
# caller who signs each request in its header chooses it, which the bearer of a URL must not.
_OF_LISTINGS: Final = frozenset(
    {
        "continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker",
        "list-type", "marker", "max-keys", "max-parts", "max-uploads", "part-number-marker",
        "prefix", "start-after", "upload-id-marker", "version-id-marker",
    }
)  # fmt: skip

_BUCKET: Final = re.compile("/[^/]*/?")
_BODY_HEADERS: Final = ("content-md5", "content-type")
_SINGLE: Final = frozenset({"authorization", "date", "host", *_BODY_HEADERS})
_USE_VERSION_4: Final = "Sign the request with Signature Version 4."


def signed_headers(headers: Iterable[tuple[str, str]], query: str) -> dict[str, str]:
    """Collect what is signed as headers; a presigned URL may carry them as parameters.

    Args:
        headers: As received.
        query: The query of a presigned URL, percent-encoded; empty for a signature in a header.

    Returns:
        Lower-case names and values without outer blanks, and ``authorization`` and ``date``.

    Raises:
        S3Error: InvalidArgument for one that is repeated or has control characters, InvalidURI.
    """
    found: dict[str, str] = {}
    for name, value in _signed_once(headers):
        if name in found:
            raise S3Error("InvalidArgument", f"The header {name} may be sent once.")
        found[name] = value
    for name, value in _signed_once(query_pairs(query)):
        if found.setdefault(name, value) != value:
            raise S3Error("InvalidArgument", f"{name} differs in the query and in the header.")
    return found


def _signed_once(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in pairs:
        lower, bare = name.lower(), value.strip(" \t")
        if lower.startswith("x-amz-") or lower in _SINGLE:
            check_printable(f"The header {name}", name, bare)
            if ":" in name:
                raise S3Error("InvalidArgument", "The name of a header has no colon.")
            yield lower, bare


def check_parameters(pairs: Sequence[tuple[str, str]], *, presigned: bool) -> None:
    """Refuse parameters that would not be signed, or could be read in two ways.

    Args:
        pairs: Decoded names and values.
        presigned: The signature stands in the query, which the bearer of the URL may change.

    Raises:
        S3Error: InvalidArgument for a repeated one or control characters, InvalidRequest for one
            that Version 2 does not sign.
    """
    if len({name.lower() for name, _ in pairs}) != len(pairs):
        raise S3Error("InvalidArgument", "A parameter is repeated.")
    signed = {name for name, _ in pairs if name in SIGNED}
    for name, value in pairs:
        check_printable("A parameter", name, value)
        lower = name.lower()
        carried = lower.startswith("x-amz-") or lower in _BODY_HEADERS
        known = name in PARAMETERS or carried if presigned else name in _OF_LISTINGS
        if name not in SIGNED and not known:
            raise S3Error(
                "InvalidRequest",
                f"Signature Version 2 does not cover the parameter {name}. {_USE_VERSION_4}",
            )
    # Their values are the words of people, and "&" is signed as it is: "x&acl" would be two.
    overrides = {name for name in signed if name.startswith(_OVERRIDE)}
    if presigned and overrides and overrides != signed:
        raise S3Error(
            "InvalidRequest",
            "With Signature Version 2, parameters that override headers of the response cannot be "
            f"told from sub-resources. {_USE_VERSION_4}",
        )


def texts_to_sign(
    method: str, bucket: str, raw_path: str, raw_query: str, headers: Mapping[str, str], time: str
) -> list[str]:
    """Write the text that was signed, in every spelling that means this very request.

    Clients differ in whether a bucket ends with a slash and an empty parameter with an equals sign.

    Args:
        method: HTTP method.
        bucket: The bucket that stands in the host name; empty when it stands in the path.
        raw_path: The path as received, percent-encoded.
        raw_query: The query as received, percent-encoded.
        headers: From :func:`signed_headers`.
        time: What stands for the date.

    Raises:
        S3Error: InvalidURI, or InvalidArgument for control characters in the path.
    """
    check_printable("The path", unescaped(raw_path))
    lines = [method, *(headers.get(name, "") for name in _BODY_HEADERS), time]
    lines += [f"{n}:{v}" for n, v in sorted(headers.items()) if n.startswith("x-amz-")]
    path = f"/{bucket}{raw_path}" if bucket else raw_path
    bare = path.removesuffix("/")
    paths = [bare, f"{bare}/"] if _BUCKET.fullmatch(path) else [path]
    queries = [_signed_query(raw_query, equals) for equals in ("", "=")]
    resources = {f"{path}?{query}" if query else path for path, query in product(paths, queries)}
    return ["\n".join([*lines, resource]) for resource in sorted(resources)]


def _signed_query(raw_query: str, equals: str) -> str:
    signed = sorted(pair for pair in query_pairs(raw_query) if pair[0] in SIGNED)
    return "&".join(f"{name}={value}" if value else f"{name}{equals}" for name, value in signed)
