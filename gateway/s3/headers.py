"""Decide which headers pass between client and upstream."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.gateway.s3.errors import S3Error

MANIFEST: Final = "x-amz-meta-slimgate"
"""Metadata key of the manifest; clients must not send keys that begin with it."""

RAW: Final = "x-slimgate-raw"
"""Requests the stored rendition itself."""

COPY_SOURCE: Final = "x-amz-copy-source"

CHECKSUM_PREFIX: Final = "x-amz-checksum-"

# RFC 9110 section 7.6.1 and RFC 9112.
_HOP_BY_HOP: Final = frozenset(
    {
        "connection", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip

# Headers of the client's signature or of one connection.
_NOT_FORWARDED: Final = _HOP_BY_HOP | {
    "authorization", "content-length", "date", "expect", "host", "x-amz-content-sha256",
    "x-amz-date", "x-amz-decoded-content-length", "x-amz-security-token", "x-amz-trailer", RAW,
}  # fmt: skip

CONDITIONS: Final = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"}
)
"""Headers that refer to the served bytes, not to the stored ones."""

# Requester pays and expected owner: apply to every upstream request for this client.
_CALLER_HEADERS: Final = ("x-amz-expected-bucket-owner", "x-amz-request-payer")
_NO_NAMES: Final[frozenset[str]] = frozenset()
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_BODY_BOUND: Final = frozenset({"content-md5", "x-amz-sdk-checksum-algorithm"})

# Metadata in which rclone and s3cmd record the MD5 of their upload.
_CONTENT_MD5_KEYS: Final = frozenset({"x-amz-meta-md5chksum"})
_S3CMD_ATTRIBUTES: Final = "x-amz-meta-s3cmd-attrs"

# Response headers that describe the rendition, or one connection.
_RENDITION_HEADERS: Final = _HOP_BY_HOP | _CONTENT_MD5_KEYS | {
    "content-range", "x-amz-mp-parts-count", "x-amz-transfer-encoding",
}  # fmt: skip

# No codings of RFC 9110: readers ignore them. Clients name what the bytes were before the upload.
_NO_ENCODINGS: Final = frozenset(
    {"", "identity", "7bit", "8bit", "base64", "binary", "utf-8", "utf8"}
)

# Bytes that are not UTF-8, as surrogateescape decodes them (PEP 383).
_ESCAPED_OCTET: Final = re.compile("[\udc80-\udcff]")


def forwardable(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Return the end-to-end headers of a request, without those of its signature.

    Repeated headers are joined, because they are signed as one.

    Raises:
        S3Error: InvalidArgument for a value that is not UTF-8: it cannot be forwarded unchanged.
    """
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in headers:
        if not value.isascii() and _ESCAPED_OCTET.search(value):
            raise S3Error("InvalidArgument", f"The value of the header {name} is not UTF-8.")
        if name.lower() not in _NOT_FORWARDED:
            kept[name] = f"{kept[name]},{value}" if name in kept else value
    return without_aws_chunked(kept)


def is_encoded(described: Mapping[str, str]) -> bool:
    """Return whether bytes differ from the file that they are, by their Content-Encoding.

    Args:
        described: Headers of an object, case-insensitive, without ``aws-chunked``.
    """
    encodings = described.get("Content-Encoding", "").lower().split(",")
    return not {encoding.strip() for encoding in encodings} <= _NO_ENCODINGS


def without_aws_chunked(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """Remove ``aws-chunked`` from Content-Encoding: it describes the transfer, not the object."""
    encodings = [e.strip() for e in headers.get("Content-Encoding", "").split(",")]
    rest = [e for e in encodings if e and e.lower() != "aws-chunked"]
    if len(rest) == len(encodings):
        return headers
    headers.popall("Content-Encoding", None)
    if rest:
        headers["Content-Encoding"] = ",".join(rest)
    return headers


def bare_etag(answered: Mapping[str, str]) -> str:
    """Return the ETag of a response without its quotes; empty if there is none."""
    return answered.get("ETag", "").strip('"')


def caller_headers(
    headers: Mapping[str, str], extra: Mapping[str, str] = _NOTHING
) -> CIMultiDict[str]:
    """Return the headers that the gateway's own requests take over from the client's.

    Args:
        headers: Headers of the client's request, case-insensitive.
        extra: Headers to add.
    """
    if not any(name in headers for name in _CALLER_HEADERS):
        return CIMultiDict(extra)
    kept = ((name, value) for name, value in headers.items() if name.lower() in _CALLER_HEADERS)
    return CIMultiDict([*kept, *extra.items()])


def without_body_digests(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Remove headers that describe the uploaded bytes: other bytes will be stored."""
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _BODY_BOUND and not name.lower().startswith(CHECKSUM_PREFIX)
    )


def without(headers: Mapping[str, str], names: Iterable[str]) -> CIMultiDict[str]:
    """Remove the named headers (lower case)."""
    dropped = frozenset(names)
    return CIMultiDict((n, v) for n, v in headers.items() if n.lower() not in dropped)


def end_to_end(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Return the response headers that the client may see."""
    shown: CIMultiDict[str] = CIMultiDict(headers)
    # Most responses have one of these at most: removing is faster than keeping the others.
    for name in _HOP_BY_HOP | _named_by_connection(shown):
        shown.popall(name, None)
    return shown


def check_connection(headers: CIMultiDictProxy[str]) -> None:
    """Refuse to drop what a request says: proxies before the gateway may have checked it.

    Raises:
        S3Error: InvalidRequest if Connection names a header that is for the store.
    """
    for name in _named_by_connection(headers) - _HOP_BY_HOP:
        if name in headers:
            raise S3Error("InvalidRequest", f"The Connection header must not name {name}.")


def _named_by_connection(headers: CIMultiDict[str] | CIMultiDictProxy[str]) -> frozenset[str]:
    """Return the names of headers that are for one connection (RFC 9110 section 7.6.1)."""
    if "Connection" not in headers:
        return _NO_NAMES
    listed = ",".join(headers.getall("Connection"))
    return frozenset(name.strip().lower() for name in listed.split(","))


def vary_by(shown: CIMultiDict[str], *names: str) -> None:
    """Add names to the Vary header, in place."""
    known = [each.strip() for value in shown.getall("Vary", []) for each in value.split(",")]
    lower = {each.lower() for each in known}
    new = [name.strip() for name in names if name.strip().lower() not in lower]
    if new and "*" not in lower:
        shown["Vary"] = ", ".join([*filter(None, known), *new])


def forbid_caching(shown: CIMultiDict[str]) -> None:
    """Forbid caches to store a response that :data:`RAW` selects, in place."""
    shown["Cache-Control"] = "no-store"
    shown.popall("Expires", None)
    vary_by(shown, RAW)


def wants_stored(asked: Mapping[str, str]) -> bool:
    """Return whether a request asks for the stored rendition itself."""
    return asked.get(RAW, "").lower() == "stored"


def client_metadata(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Remove headers of a managed object that would contradict the restored file.

    These are the manifest, checksums of the rendition, and the MD5 metadata of rclone and s3cmd,
    which those clients would compare with their download.
    """
    shown: CIMultiDict[str] = CIMultiDict()
    for name, value in headers:
        lower = name.lower()
        if lower in _RENDITION_HEADERS or lower.startswith((MANIFEST, CHECKSUM_PREFIX)):
            continue
        shown.add(name, _without_md5(value) if lower == _S3CMD_ATTRIBUTES else value)
    return shown


def _without_md5(attributes: str) -> str:
    # s3cmd: "atime:1/ctime:2/md5:…/mode:3", S3/S3.py.
    return "/".join(part for part in attributes.split("/") if not part.startswith("md5:"))
