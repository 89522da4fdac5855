"""The plain object that results from a multipart upload."""

from dataclasses import dataclass
from http import HTTPStatus

from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.object_client import ObjectClient


@dataclass(frozen=True, slots=True)
class PlainObject:
    """The object as the upstream completed it.

    Attributes:
        etag: ETag without quotes.
        version_id: Version ID; None in an unversioned bucket.
    """

    etag: str
    version_id: str | None

    @property
    def outlives_replacement(self) -> bool:
        """Return whether this version stays in the bucket when a new one is written.

        The version ``null`` of an unversioned bucket, or with versioning suspended, is replaced
        itself: deleting it afterwards would delete the rendition.
        """
        return self.version_id not in {None, "null"}


async def completed(
    client: ObjectClient, target: Target, result: s3xml.Element, version_id: str | None
) -> PlainObject:
    """Return the object that results from a multipart upload.

    Ceph before release 17 answers CompleteMultipartUpload with an empty ETag; a HEAD then finds it.
    An object that another client has written meanwhile is only ever replaced by its own rendition,
    and a rendition by nothing.

    Args:
        client: Client of the store.
        target: Target of the upload.
        result: Parsed response.
        version_id: Version ID in the response headers.

    Raises:
        Refused: The result cannot be determined.
    """
    etag = s3xml.text(result, "ETag").strip('"')
    if etag:
        return PlainObject(etag, version_id)
    async with client.head(target, version_id) as head:
        etag = headers.bare_etag(head.headers)
        # Only ETags of multipart uploads contain a dash.
        if head.status != HTTPStatus.OK or headers.MANIFEST in head.headers or "-" not in etag:
            raise Refused(Reason.UNKNOWN_RESULT)
        return PlainObject(etag, head.headers.get("x-amz-version-id", version_id))
