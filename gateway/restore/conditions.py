"""Evaluate conditions and ranges of a read against the restored file."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict

from slimgate.gateway.s3 import conditional, headers, ranges
from slimgate.gateway.s3.conditional import Outcome
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.stored_object import ManagedObject

_PARTIAL: Final = frozenset({"range", "if-range"})

# Amazon S3 API reference, GetObject: headers that response-… parameters set.
_OVERRIDABLE: Final = (
    "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language",
    "Content-Type", "Expires",
)  # fmt: skip


def decide(
    found: ManagedObject, etag: str, sent: Mapping[str, str], parameters: Mapping[str, str]
) -> tuple[HTTPStatus, ranges.Range]:
    """Return status and byte range of the response.

    Args:
        found: The managed object.
        etag: ETag of the served bytes.
        sent: Request headers, case-insensitive.
        parameters: Query parameters.

    Raises:
        S3Error: PreconditionFailed, InvalidRange, InvalidRequest.
    """
    everything = ranges.Range(0, found.manifest.size)
    asked = headers.CONDITIONS.intersection(map(str.lower, sent))
    in_parts = "partNumber" in parameters
    if not asked and not in_parts:
        return HTTPStatus.OK, everything
    identity = found.identity(etag)
    if in_parts or not _PARTIAL.isdisjoint(asked):
        identity = identity.of_parts
    outcome = conditional.evaluate(sent, identity)
    if outcome is Outcome.PRECONDITION_FAILED:
        raise S3Error("PreconditionFailed")
    if outcome is Outcome.NOT_MODIFIED:
        return HTTPStatus.NOT_MODIFIED, everything
    part = _range(sent, parameters.get("partNumber"), everything, identity)
    return (HTTPStatus.OK, everything) if part is None else (HTTPStatus.PARTIAL_CONTENT, part)


def _range(
    sent: Mapping[str, str],
    part: str | None,
    everything: ranges.Range,
    identity: conditional.Representation,
) -> ranges.Range | None:
    if part is not None:
        if "Range" in sent:
            raise S3Error("InvalidRequest", "Cannot specify both Range header and partNumber.")
        if part != "1":
            raise S3Error("InvalidRange", "The requested partnumber is not satisfiable")
        return everything
    asked = sent.get("Range")
    if asked is None or not conditional.range_applies(sent, identity):
        return None
    return ranges.parse(asked, everything.length)


def shown_headers(
    found: ManagedObject, stored: Mapping[str, str], parameters: Mapping[str, str]
) -> CIMultiDict[str]:
    """Return the response headers of a managed object.

    Args:
        found: The managed object.
        stored: Headers of the store's response that also apply to the client's.
        parameters: Query parameters.

    Raises:
        S3Error: InvalidArgument for a ``response-`` parameter that is not printable.
    """
    manifest = found.manifest
    shown = headers.client_metadata(stored.items())
    shown["Content-Type"] = manifest.content_type
    shown.update(_overrides(parameters))
    shown["Content-Length"] = str(manifest.size)
    shown["ETag"] = f'"{manifest.etag}"'
    shown.update(found.last_modified)
    shown["Accept-Ranges"] = "bytes"
    shown["x-slimgate-tier"] = manifest.stored.tier
    shown["x-slimgate-model"] = manifest.stored.restorer or "none"
    shown["x-slimgate-psnr"] = f"{manifest.measured.psnr_db:.2f}"
    shown["x-slimgate-ssim"] = f"{manifest.measured.ssim:.4f}"
    if manifest.measured.ssimulacra2 is not None:
        shown["x-slimgate-ssimulacra2"] = f"{manifest.measured.ssimulacra2:.2f}"
    return shown


def _overrides(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return headers set by the query; not every store honours them on HEAD."""
    if not parameters:
        return {}
    asked = {
        name: parameters[f"response-{name.lower()}"]
        for name in _OVERRIDABLE
        if f"response-{name.lower()}" in parameters
    }
    if not all(value.isprintable() for value in asked.values()):
        raise S3Error("InvalidArgument", "A response header must be printable text.")
    return asked


def with_length(
    shown: CIMultiDict[str], status: HTTPStatus, part: ranges.Range, size: int
) -> CIMultiDict[str]:
    """Add Content-Length and Content-Range.

    Args:
        shown: Headers, changed in place.
        status: HTTP status.
        part: Served byte range.
        size: Size of the whole file, bytes.
    """
    if status == HTTPStatus.PARTIAL_CONTENT:
        shown["Content-Range"] = part.content_range(size)
    shown["Content-Length"] = str(part.length)
    return shown
