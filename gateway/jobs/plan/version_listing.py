"""Pages of all versions of the objects of a bucket."""

from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.listing import read_entry
from slimgate.gateway.jobs.plan.source import Found, Skipped
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.canonical import escaped
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.errors import Denied, check_available
from slimgate.gateway.storage.messages import Request, read_bounded
from slimgate.gateway.storage.object_client import ObjectClient

_MAX_BYTES: Final = 16 << 20


class VersionMarker(NamedTuple):
    """The version after which a page begins; empty: the first one."""

    key: str = ""
    version_id: str = ""

    @property
    def query(self) -> str:
        """Return the parameters of the request."""
        if not self.key:
            return ""
        version = f"&version-id-marker={escaped(self.version_id)}" if self.version_id else ""
        return f"&key-marker={escaped(self.key)}{version}"


async def version_page(
    client: ObjectClient, place: Place, after: VersionMarker
) -> tuple[list[Found], VersionMarker | None]:
    """Return one page, and where the next one begins; None: there are no more.

    Args:
        client: Client of the store.
        place: Bucket and key prefix.
        after: Version after which to start.

    Raises:
        Denied: The store does not permit listing.
        S3Error: The store does not respond, or not as S3 does.
    """
    query = f"versions=&encoding-type=url&prefix={escaped(place.key)}{after.query}"
    async with client.send(Request("GET", Target(place.bucket, "", ""), query)) as response:
        check_available(response)
        if response.status != HTTPStatus.OK:
            raise Denied(
                f"the versions in s3://{place.bucket} cannot be listed ({response.status}): may "
                "this key list them?"
            )
        root = s3xml.parse(await read_bounded(response, _MAX_BYTES))
    encoded = s3xml.text(root, "EncodingType") == "url"
    found = [each for child in root if (each := _found(child, encoded=encoded)) is not None]
    if s3xml.text(root, "IsTruncated") != "true":
        return found, None
    key = _text(s3xml.text(root, "NextKeyMarker"), encoded=encoded)
    following = VersionMarker(key, s3xml.text(root, "NextVersionIdMarker"))
    if not key or following == after:
        raise S3Error("InternalError", "The store's listing does not advance.")
    return found, following


def _found(element: s3xml.Element, *, encoded: bool) -> Found | None:
    kind, version = s3xml.name(element), s3xml.text(element, "VersionId") or "null"
    if kind == "DeleteMarker":
        row = Row(_text(s3xml.text(element, "Key"), encoded=encoded), version=version)
        return Found(row, Skipped.DELETE_MARKER)
    if kind != "Version":
        return None
    is_latest = s3xml.text(element, "IsLatest") == "true"
    return Found(Row(*read_entry(element, encoded=encoded), version), is_latest=is_latest)


def _text(key: str, *, encoded: bool) -> str:
    return unquote_plus(key, errors="surrogateescape") if encoded else key
