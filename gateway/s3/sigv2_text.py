"""Build the string to sign of Signature Version 2, and refuse what it leaves ambiguous.

Version 2 puts decoded values on separate lines and signs only some parameters. Anything that could
shift a line, match two requests, or change a request without changing the string is refused.

Source: Amazon S3 developer guide, "Signing and authenticating REST requests".
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from slimgate.gateway.s3.canonical import check_printable, query_pairs, unescaped
from slimgate.gateway.s3.errors import S3Error

PARAMETERS: Final = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
"""Signature parameters of a presigned URL."""

# Parameters that are signed as part of the resource, from the developer guide, boto 2 and botocore
# (HmacV1Auth.QSAOfInterest), whose lists have grown with the API.
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

# Paging parameters are not signed. They do not extend a caller's rights, and a caller who signs in
# the header chooses them; the bearer of a presigned URL must not.
_LISTING_PARAMETERS: Final = frozenset(
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
    """Return the signed headers, including those that a presigned URL carries as parameters.

    Args:
        headers: Headers as received.
        query: Query of a presigned URL, percent-encoded; empty for a signature in a header.

    Returns:
        Lower-case names and stripped values, ``authorization`` and ``date`` included.

    Raises:
        S3Error: InvalidArgument for one that is repeated or has control characters, InvalidURI.
    """
    found: dict[str, str] = {}
    for name, value in _signed_once(headers):
        if name in found:
            raise S3Error("InvalidArgument", f"Send the header {name} only once.")
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
                raise S3Error("InvalidArgument", "Header names must not contain a colon.")
            yield lower, bare


def check_parameters(pairs: Sequence[tuple[str, str]], *, presigned: bool) -> None:
    """Refuse parameters that are unsigned or ambiguous.

    Args:
        pairs: Decoded names and values.
        presigned: The signature is in the query, which the bearer of the URL may change.

    Raises:
        S3Error: InvalidArgument for a repeated one or control characters, InvalidRequest for one
            that version 2 does not sign.
    """
    if len({name.lower() for name, _ in pairs}) != len(pairs):
        raise S3Error("InvalidArgument", "Send each query parameter only once.")
    signed = {name for name, _ in pairs if name in SIGNED}
    for name, value in pairs:
        check_printable("A parameter", name, value)
        lower = name.lower()
        carried = lower.startswith("x-amz-") or lower in _BODY_HEADERS
        known = name in PARAMETERS or carried if presigned else name in _LISTING_PARAMETERS
        if name not in SIGNED and not known:
            raise S3Error(
                "InvalidRequest",
                f"Signature Version 2 does not cover the parameter {name}. {_USE_VERSION_4}",
            )
    # Their values are free text in which "&" is signed literally: "x&acl" could be two parameters.
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
    """Return all equivalent strings to sign of this request.

    Clients differ in whether a bucket ends with a slash and an empty parameter with an equals sign.

    Args:
        method: HTTP method.
        bucket: Bucket in the host name; empty if it is in the path.
        raw_path: Path as received, percent-encoded.
        raw_query: Query as received, percent-encoded.
        headers: From :func:`signed_headers`.
        time: The date line.

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
