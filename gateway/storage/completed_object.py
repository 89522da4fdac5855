"""The plain object that a multipart upload has become."""

from dataclasses import dataclass
from http import HTTPStatus

from codec.reasons import Reason, Refused
from gateway.s3 import headers
from gateway.s3 import xml as s3xml
from gateway.s3.routing import Target
from gateway.storage.object_client import ObjectClient


@dataclass(frozen=True, slots=True)
class Plain:
    """The object as the upstream completed it.

    Attributes:
        etag: Without quotes.
        version_id: None in a bucket without versions.
    """

    etag: str
    version_id: str | None

    @property
    def outlives_replacement(self) -> bool:
        """Return whether a new version leaves this one in the bucket.

        The version ``null`` of a bucket without or with suspended versioning is replaced itself:
        to remove it then would remove the rendition.
        """
        return self.version_id not in {None, "null"}


async def completed(
    client: ObjectClient, target: Target, result: s3xml.Element, version_id: str | None
) -> Plain:
    """Find out which object an upload has become.

    Ceph before release 17 answers CompleteMultipartUpload with an empty ETag; it is then asked for
    the object. Whatever another client has written meanwhile is only ever replaced by its own
    rendition, and a rendition by nothing.

    Args:
        client: On whose behalf.
        target: Where the upload went.
        result: The answer, parsed.
        version_id: As the answer's headers give it.

    Raises:
        Refused: It cannot be found out.
    """
    etag = s3xml.text(result, "ETag").strip('"')
    if etag:
        return Plain(etag, version_id)
    async with client.head(target, version_id) as head:
        etag = headers.bare_etag(head.headers)
        # Only the ETag of an upload in parts has a dash.
        if head.status != HTTPStatus.OK or headers.MANIFEST in head.headers or "-" not in etag:
            raise Refused(Reason.UNKNOWN_RESULT)
        return Plain(etag, head.headers.get("x-amz-version-id", version_id))
