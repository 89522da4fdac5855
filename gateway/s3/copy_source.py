"""Parse the headers of a copy that name its source, conditions on it and a range of it.

Source: Amazon S3 API reference, CopyObject and UploadPartCopy.
"""

from collections.abc import Mapping
from typing import Final

from multidict import CIMultiDict

from slimgate.gateway.s3 import conditional, headers, ranges
from slimgate.gateway.s3.canonical import escaped, query_pairs, unescaped
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target, key_target

_PREFIX: Final = "x-amz-copy-source-"
RANGE: Final = "x-amz-copy-source-range"
IF_MATCH: Final = "x-amz-copy-source-if-match"
_IF_UNMODIFIED: Final = "x-amz-copy-source-if-unmodified-since"
CONDITIONS: Final = (
    IF_MATCH, "x-amz-copy-source-if-none-match", "x-amz-copy-source-if-modified-since",
    _IF_UNMODIFIED,
)  # fmt: skip
_OWNER: Final = "x-amz-expected-bucket-owner"
_SOURCE_OWNER: Final = "x-amz-source-expected-bucket-owner"
_OF_TARGET: Final = frozenset({"if-match", "if-none-match"})


def parse(value: str) -> tuple[Target, str | None]:
    """Parse ``[/]bucket/key[?versionId=…]``, percent-encoded, with or without encoded slashes.

    Raises:
        S3Error: InvalidArgument, worded as by S3, or InvalidBucketName.
    """
    try:
        path, _, query = value.partition("?")
        bucket, _, key = unescaped(path).removeprefix("/").partition("/")
        versions = [value for name, value in query_pairs(query) if name == "versionId"]
    except S3Error as error:
        raise S3Error("InvalidArgument", "Copy Source must be percent-encoded.") from error
    if not bucket or not key:
        raise S3Error("InvalidArgument", "Copy Source must mention the source bucket and key.")
    if len(versions) > 1:
        raise S3Error("InvalidArgument", "Copy Source may name one version.")
    return key_target(bucket, key), "".join(versions) or None


def spelled(source: Target, version_id: str | None) -> str:
    """Return a copy source that the store parses exactly as it was parsed here."""
    version = f"?versionId={escaped(version_id)}" if version_id else ""
    return f"{source.path.removeprefix('/')}{version}"


def source_range(value: str | None, size: int) -> ranges.Range:
    """Parse ``bytes=first-last``; unlike a Range header, it must lie within the object.

    Raises:
        S3Error: InvalidArgument or InvalidRange.
    """
    if value is None:
        return ranges.Range(0, size)
    first, dash, last = value.removeprefix("bytes=").partition("-")
    numbers = all(part.isascii() and part.isdigit() and len(part) < 20 for part in (first, last))
    if not value.startswith("bytes=") or not dash or not numbers or int(first) > int(last):
        raise S3Error(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last.",
        )
    if int(last) >= size:
        raise S3Error("InvalidRange", f"Range specified is not valid for source of size {size}")
    return ranges.Range(int(first), int(last) + 1)


def removed(sent: Mapping[str, str]) -> CIMultiDict[str]:
    """Return request headers without those about a source, for a part whose bytes are sent.

    Args:
        sent: Request headers, case-insensitive.
    """
    names = [name.lower() for name in sent if name.lower().startswith(headers.COPY_SOURCE)]
    return headers.without(sent, names)


def conditions(sent: Mapping[str, str]) -> dict[str, str]:
    """Return the conditions on the source, by lower-case name.

    Args:
        sent: Request headers, case-insensitive.
    """
    return {name: sent[name] for name in CONDITIONS if name in sent}


def is_conditional(sent: Mapping[str, str]) -> bool:
    """Return whether a client sets conditions on the source or on the target.

    Args:
        sent: Request headers, case-insensitive.
    """
    return bool(conditions(sent)) or not _OF_TARGET.isdisjoint(map(str.lower, sent))


def owner_headers(sent: Mapping[str, str], along: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers of requests about the source: its bucket may have another owner.

    Args:
        sent: Request headers, case-insensitive.
        along: Headers of requests about the target.
    """
    kept = headers.without(along, (_OWNER,))
    if _SOURCE_OWNER in sent:
        kept[_OWNER] = sent[_SOURCE_OWNER]
    return kept


def excludes_etag(sent: Mapping[str, str]) -> bool:
    """Return whether an added ETag condition would change what the client's conditions mean.

    Args:
        sent: Request headers, case-insensitive.
    """
    # It would take precedence over a date condition.
    return not {IF_MATCH, _IF_UNMODIFIED}.isdisjoint(conditions(sent))


def check_conditions(sent: Mapping[str, str], source: conditional.Representation) -> None:
    """Evaluate conditions on the source: not every store does, and it knows another ETag.

    Args:
        sent: Request headers, case-insensitive.
        source: Validators of the source.

    Raises:
        S3Error: PreconditionFailed.
    """
    if RANGE in sent:
        source = source.of_parts
    asked = {name.removeprefix(_PREFIX): value for name, value in conditions(sent).items()}
    if conditional.evaluate(asked, source) is not conditional.Outcome.PROCEED:
        raise S3Error("PreconditionFailed")
