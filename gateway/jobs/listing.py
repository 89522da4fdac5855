"""List the objects of a bucket, page by page."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.canonical import escaped
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.errors import Denied
from slimgate.gateway.storage.messages import Request, read_bounded
from slimgate.gateway.storage.object_client import ObjectClient

_MAX_BYTES: Final = 16 << 20  # 1,000 keys of 1 KiB, percent-encoded, with owners


class Entry(NamedTuple):
    """An object in a listing.

    Attributes:
        key: Decoded key.
        size: Stored size, bytes.
        etag: Stored ETag without quotes; None: not shown.
        modified: Last-Modified, aware; None: not shown.
    """

    key: str
    size: int
    etag: str | None = None
    modified: datetime | None = None


async def page(client: ObjectClient, place: Place, after: str) -> tuple[list[Entry], bool]:
    """Return one page of a listing, and whether there are more.

    Args:
        client: Client of the store.
        place: Bucket and key prefix.
        after: Key after which to start.

    Raises:
        Denied: The store does not permit listing.
        S3Error: The store does not respond, or not as S3 does.
    """
    # ListObjects version 1: every store supports it, and it continues from any key.
    query = f"encoding-type=url&marker={escaped(after)}&prefix={escaped(place.key)}"
    async with client.send(Request("GET", Target(place.bucket, "", ""), query)) as response:
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise S3Error("ServiceUnavailable")
        if response.status != HTTPStatus.OK:
            raise Denied(
                f"s3://{place.bucket} cannot be listed ({response.status}): does it exist, and may "
                "this key list it?"
            )
        root = s3xml.parse(await read_bounded(response, _MAX_BYTES))
    encoded = s3xml.text(root, "EncodingType") == "url"
    entries = [
        read_entry(child, encoded=encoded) for child in root if s3xml.name(child) == "Contents"
    ]
    more = s3xml.text(root, "IsTruncated") == "true"
    if more and (not entries or entries[-1].key == after):
        raise S3Error("InternalError", "The store's listing does not advance.")
    return entries, more


def read_entry(element: s3xml.Element, *, encoded: bool) -> Entry:
    """Return an object of a listing.

    Args:
        element: Its element.
        encoded: Whether keys are percent-encoded.

    Raises:
        S3Error: InternalError if it has no size.
    """
    key, size = s3xml.text(element, "Key"), s3xml.text(element, "Size")
    if not (size.isascii() and size.isdigit() and len(size) < 20):
        raise S3Error("InternalError", "The store's listing has an object without a size.")
    return Entry(
        unquote_plus(key, errors="surrogateescape") if encoded else key,
        int(size),
        s3xml.text(element, "ETag").strip('"') or None,
        _time(s3xml.text(element, "LastModified")),
    )


def _time(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
