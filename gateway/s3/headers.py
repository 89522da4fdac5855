"""Which headers travel between client and upstream, and which stay on their own side."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from multidict import CIMultiDict

from gateway.s3.errors import S3Error

MANIFEST: Final = "x-amz-meta-slimgate"
"""The one metadata key of ours; everything that begins with it is refused from clients."""

RAW: Final = "x-slimgate-raw"
"""Asks for the stored rendition itself."""

COPY_SOURCE: Final = "x-amz-copy-source"

CHECKSUM_PREFIX: Final = "x-amz-checksum-"

# RFC 9110 section 7.6.1 and RFC 9112.
_HOP_BY_HOP: Final = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
        "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip

# What belongs to the client's signature or to one leg of the way.
_NOT_FORWARDED: Final = _HOP_BY_HOP | {
    "authorization", "content-length", "date", "expect", "host", "x-amz-content-sha256",
    "x-amz-date", "x-amz-decoded-content-length", "x-amz-security-token", "x-amz-trailer", RAW,
}  # fmt: skip

CONDITIONS: Final = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"}
)
"""What says something about the bytes that are served, and nothing about those that are stored."""

# Who pays, and whose bucket it must be: true of everything that is done for this request.
_CALLER: Final = frozenset({"x-amz-expected-bucket-owner", "x-amz-request-payer"})

_BODY_BOUND: Final = frozenset({"content-md5", "x-amz-sdk-checksum-algorithm"})

# Metadata in which rclone and s3cmd keep the MD5 of the content that they uploaded.
_CONTENT_MD5_KEYS: Final = frozenset({"x-amz-meta-md5chksum"})
_S3CMD_ATTRIBUTES: Final = "x-amz-meta-s3cmd-attrs"

# What an answer says of the rendition, or of the way that it has come.
_OF_RENDITION: Final = _HOP_BY_HOP | _CONTENT_MD5_KEYS | {
    "content-range", "x-amz-mp-parts-count", "x-amz-transfer-encoding",
}  # fmt: skip

# What surrogateescape makes of octets that are no UTF-8 (PEP 383).
_ESCAPED_OCTET: Final = re.compile("[\udc80-\udcff]")


def forwardable(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Give the end-to-end headers of a request, without those that sign it.

    Headers that come more than once are joined, because they are signed as one.

    Raises:
        S3Error: InvalidArgument for a value that is no UTF-8: it could not be sent on as it is.
    """
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in headers:
        if _ESCAPED_OCTET.search(value):
            raise S3Error("InvalidArgument", f"The value of the header {name} is not UTF-8.")
        if name.lower() not in _NOT_FORWARDED:
            kept[name] = f"{kept[name]},{value}" if name in kept else value
    return without_aws_chunked(kept)


def without_aws_chunked(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """Drop ``aws-chunked`` from Content-Encoding: it describes the transfer, not the object."""
    encodings = [e.strip() for e in headers.get("Content-Encoding", "").split(",")]
    rest = [e for e in encodings if e and e.lower() != "aws-chunked"]
    if len(rest) == len(encodings):
        return headers
    headers.popall("Content-Encoding", None)
    if rest:
        headers["Content-Encoding"] = ",".join(rest)
    return headers


def bare_etag(answered: Mapping[str, str]) -> str:
    """Give the ETag of a response without its quotes; empty when there is none."""
    return answered.get("ETag", "").strip('"')


def caller_headers(headers: Mapping[str, str], extra: Mapping[str, str]) -> CIMultiDict[str]:
    """Give what a request of our own takes over from the one that it is made for.

    Args:
        headers: Of the client's request.
        extra: What to add.
    """
    kept = ((name, value) for name, value in headers.items() if name.lower() in _CALLER)
    return CIMultiDict([*kept, *extra.items()])


def without_body_digests(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Drop what describes the uploaded bytes: other bytes are going to be stored."""
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _BODY_BOUND and not name.lower().startswith(CHECKSUM_PREFIX)
    )


def without(headers: Mapping[str, str], names: Iterable[str]) -> CIMultiDict[str]:
    """Drop the named headers (lower case)."""
    dropped = frozenset(names)
    return CIMultiDict((n, v) for n, v in headers.items() if n.lower() not in dropped)


def end_to_end(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Give the headers of a response that reach the client."""
    return CIMultiDict((n, v) for n, v in headers if n.lower() not in _HOP_BY_HOP)


def vary_by(shown: CIMultiDict[str], *names: str) -> None:
    """Add names to the Vary header, which caches compare requests by; changed in place."""
    known = [each.strip() for value in shown.getall("Vary", []) for each in value.split(",")]
    lower = {each.lower() for each in known}
    new = [name.strip() for name in names if name.strip().lower() not in lower]
    if new and "*" not in lower:
        shown["Vary"] = ", ".join([*filter(None, known), *new])


def not_for_caches(shown: CIMultiDict[str]) -> None:
    """Keep an answer that only :data:`RAW` selects from everybody who asks without it."""
    shown["Cache-Control"] = "no-store"
    shown.popall("Expires", None)
    vary_by(shown, RAW)


def wants_stored(asked: Mapping[str, str]) -> bool:
    """Return whether a request asks for the stored rendition itself."""
    return asked.get(RAW, "").lower() == "stored"


def client_metadata(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Hide from a managed object's headers what would contradict the restored file.

    That is our own note, checksums of the rendition, and the MD5 notes of rclone and s3cmd, which
    those clients would take for the MD5 of what they download.
    """
    shown: CIMultiDict[str] = CIMultiDict()
    for name, value in headers:
        lower = name.lower()
        if lower in _OF_RENDITION or lower.startswith((MANIFEST, CHECKSUM_PREFIX)):
            continue
        shown.add(name, _without_md5(value) if lower == _S3CMD_ATTRIBUTES else value)
    return shown


def _without_md5(attributes: str) -> str:
    # s3cmd: "atime:1/ctime:2/md5:…/mode:3", S3/S3.py.
    return "/".join(part for part in attributes.split("/") if not part.startswith("md5:"))
