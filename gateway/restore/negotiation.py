"""Decide which reads get the rendition itself, because the client names its media type.

The client must have asked for nothing that refers to the restored file: HEAD and LIST describe that
one alone.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict

from slimgate.config.serve import Serve
from slimgate.gateway.restore.conditions import shown_headers, with_length
from slimgate.gateway.restore.read import ObjectRead, Rendition, Served
from slimgate.gateway.s3 import accept, conditional, headers, ranges
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.messages import Response
from slimgate.gateway.storage.stored_object import ManagedObject

NEGOTIATED: Final = "x-slimgate-negotiated"
"""Response header: codec of the rendition that is served."""

_OF_RESTORED: Final = frozenset(
    {"x-slimgate-model", "x-slimgate-psnr", "x-slimgate-ssim", "x-slimgate-ssimulacra2"}
)


def offered(
    serve: Serve, method: str, asked: Mapping[str, str], parameters: Mapping[str, str]
) -> Serve | None:
    """Return which renditions a request may get, whatever the object is; None: none.

    Args:
        serve: Which renditions the policy serves.
        method: HTTP method.
        asked: Request headers as sent, case-insensitive. Those that a presigned query holds do not
            count: SDKs sign ``x-amz-checksum-mode`` into each link, and browsers verify nothing.
        parameters: Query parameters.
    """
    if method != "GET" or not serve.negotiate or _is_pinned(asked, parameters):
        return None
    told = asked.get("Accept", "")
    named = any(accept.prefers(told, f"image/{codec}", "") for codec in serve.negotiate)
    return serve if named else None


def _is_pinned(asked: Mapping[str, str], parameters: Mapping[str, str]) -> bool:
    """Return whether a request refers to the restored file."""
    if "x-amz-checksum-mode" in asked or "partNumber" in parameters:
        return True
    if any(name.startswith("response-") for name in parameters):
        return True
    if "Range" in asked and ("Authorization" in asked or "If-Unmodified-Since" in asked):
        # Programs sign in a header. They learn the size from HEAD or LIST, and compare dates.
        return True
    return _forbids_change(asked)


def _forbids_change(described: Mapping[str, str]) -> bool:
    directives = described.get("Cache-Control", "").lower().split(",")
    return "no-transform" in (each.strip() for each in directives)


async def negotiate(read: ObjectRead) -> Rendition | Served | None:
    """Serve the rendition if the client prefers it.

    Raises:
        S3Error: PreconditionFailed, InvalidRange, or SlowDown if the object was replaced.
    """
    asked, found, response = read.asked, read.managed, read.response
    size = None if response is None else _size(response)
    if asked.offered is None or response is None or size is None:
        return None
    if not _fits(asked.offered, asked.headers, found):
        return None
    shown = _shown(found, asked.applicable_headers(response))
    status, part = _decide(found, asked.headers, size)
    with_length(shown, status, part, size)
    if status == HTTPStatus.NOT_MODIFIED:
        response.let_go()
        return Served(status, shown)
    body = await _body(read, response, part, size)
    return Rendition(status, shown, body, part.length, found.manifest)


def _fits(serve: Serve, asked: Mapping[str, str], found: ManagedObject) -> bool:
    """Return whether a client prefers the rendition of this object."""
    manifest, stored = found.manifest, found.manifest.stored
    if manifest.view is None or stored.codec not in serve.negotiate:
        return False
    if stored.restorer is not None and not serve.shrunk:
        return False
    told, mime = asked.get("Accept", ""), manifest.content_type.partition(";")[0].strip()
    if not mime.lower().startswith("image/"):
        return False
    if not accept.prefers(told, f"image/{stored.codec}", mime):
        return False
    if _is_download(found.upstream) or _forbids_change(found.upstream):
        return False
    return not _names_restored(asked, found)


def _is_download(described: Mapping[str, str]) -> bool:
    # The file is saved under a name that the owner chose for the upload.
    kind = described.get("Content-Disposition", "").partition(";")[0]
    return kind.strip().lower() == "attachment"


def _names_restored(asked: Mapping[str, str], found: ManagedObject) -> bool:
    """Return whether conditions name the restored file, so that they are about it.

    A client that has the restored file learns by If-None-Match that it is current, unless it has
    the rendition too.
    """
    restored = found.identity(found.manifest.etag)
    for name in ("If-Match", "If-Range", "If-None-Match"):
        tags = conditional.tags(asked.get(name, ""))
        if any(restored.named(tag) for tag in tags) and found.view_etag not in tags:
            return True
    return False


def _decide(
    found: ManagedObject, asked: Mapping[str, str], size: int
) -> tuple[HTTPStatus, ranges.Range]:
    """Return status and byte range of the response, by the rendition's own ETag and size.

    Raises:
        S3Error: PreconditionFailed, InvalidRange.
    """
    restored, whole = found.identity(found.manifest.etag), ranges.Range(0, size)
    identity = conditional.Representation(found.view_etag, restored.last_modified)
    outcome = conditional.evaluate(asked, identity)
    if outcome is conditional.Outcome.PRECONDITION_FAILED:
        raise S3Error("PreconditionFailed")
    if outcome is conditional.Outcome.NOT_MODIFIED:
        return HTTPStatus.NOT_MODIFIED, whole
    applies = conditional.range_applies(asked, identity)
    part = ranges.parse(asked.get("Range"), size) if applies else None
    return (HTTPStatus.OK, whole) if part is None else (HTTPStatus.PARTIAL_CONTENT, part)


def _shown(found: ManagedObject, stored: Mapping[str, str]) -> CIMultiDict[str]:
    shown = headers.without(shown_headers(found, stored, {}), _OF_RESTORED)
    codec = found.manifest.stored.codec
    shown["Content-Type"] = f"image/{codec}"
    shown["ETag"] = f'"{found.view_etag}"'
    shown[NEGOTIATED] = codec
    return shown


def _size(response: Response) -> int | None:
    """Return the size of the rendition, bytes; None: the store does not tell."""
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        total = response.headers.get("Content-Length", "")
    return int(total) if total.isascii() and total.isdigit() else None


async def _body(read: ObjectRead, response: Response, part: ranges.Range, size: int) -> Response:
    """Return a response with these bytes of the rendition, unread.

    Raises:
        S3Error: SlowDown if the object was replaced: a retry sees the new one.
    """
    if (response.method, response.status, part.length) == ("GET", HTTPStatus.OK, size):
        return response
    response.let_go()
    found = read.managed
    some = part if part.length < size else None
    sending = read.client.get(found.target, found.version_id, etag=found.stored_etag, part=some)
    answered = await read.open.enter_async_context(sending)
    right = HTTPStatus.OK if some is None else HTTPStatus.PARTIAL_CONTENT
    if answered.status != right or answered.headers.get("Content-Length") != str(part.length):
        raise S3Error(
            "SlowDown", "The object was changed while it was being read. Please try again."
        )
    return answered
