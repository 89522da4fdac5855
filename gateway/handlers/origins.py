"""How a plain object came about: what its rendition has to repeat, and GET does not return."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from multidict import CIMultiDict

from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.optimize.reuse import known_rendition
from slimgate.gateway.s3.access_control import tagging_headers
from slimgate.gateway.storage import snapshot
from slimgate.gateway.storage.errors import Changed, Denied
from slimgate.gateway.storage.metadata import granted, repeated, tags_of_private
from slimgate.gateway.storage.snapshot import Snapshot
from slimgate.gateway.storage.storage import Storage


class Origin(Protocol):
    """The request that has written a plain object."""

    @property
    def upload_etag(self) -> str | None:
        """Return the ETag that the rendition is served under; None: that of its MD5."""
        ...

    async def known(self, seen: Snapshot, data: bytes) -> Optimized | None:
        """Return the rendition that the object was restored from, if known."""
        ...

    async def described(self, seen: Snapshot) -> CIMultiDict[str]:
        """Return PUT headers that repeat the object, right before its rendition is stored.

        Raises:
            Refused: They cannot be determined, or another client has changed the object.
            S3Error: The store does not respond.
        """
        ...


@dataclass(frozen=True, slots=True)
class CompletedUpload:
    """CompleteMultipartUpload.

    Attributes:
        storage: The store.
        call: The request.
        upload_etag: ETag of the completed object.
    """

    storage: Storage
    call: Call
    upload_etag: str | None

    @property
    def _upload_id(self) -> str:
        return self.call.parameters["uploadId"]

    async def known(self, seen: Snapshot, data: bytes) -> Optimized | None:
        """Return the rendition whose restored file was copied in parts, if known."""
        copied = self.storage.copied
        return await known_rendition(self.call.client, copied, self._upload_id, seen.headers, data)

    async def described(self, seen: Snapshot) -> CIMultiDict[str]:
        """Return PUT headers that repeat the object."""
        kept = repeated(seen.headers)
        kept.update(await self._created_with(seen))
        return kept

    async def _created_with(self, seen: Snapshot) -> Mapping[str, str]:
        """Return headers of CreateMultipartUpload, as remembered or as the store knows them."""
        remembered = self.storage.uploads.take(self._upload_id)
        if remembered is not None:
            return remembered
        try:
            return await tags_of_private(self.call.client, seen.target, seen.state.version_id)
        except Denied as error:
            raise Refused(Reason.UNREADABLE, error.detail) from error


@dataclass(frozen=True, slots=True)
class CopiedObject:
    """CopyObject of a plain object.

    Attributes:
        storage: The store.
        call: The request.
    """

    storage: Storage
    call: Call

    @property
    def upload_etag(self) -> str | None:
        """Return None: like any upload in one piece."""
        return None

    async def known(self, seen: Snapshot, data: bytes) -> Optimized | None:
        """Return None: the source was plain."""
        del seen, data
        return None

    async def described(self, seen: Snapshot) -> CIMultiDict[str]:
        """Return PUT headers that repeat the object.

        Copies of one file have one ETag, whatever their metadata and access control: look at the
        object again, so that another upload of the same bytes to the same key keeps its own.
        """
        client = self.call.client
        try:
            now = await snapshot.retake(client, seen, self.storage.seals)
            tags = await client.tags(now.target, now.state.version_id)
        except Changed as error:
            raise Refused(Reason.REPLACED, "a change of the object") from error
        except Denied as error:
            raise Refused(Reason.UNREADABLE, error.detail or "headers") from error
        kept = repeated(now.headers)
        if kept != repeated(seen.headers) or _written(now) != _written(seen):
            raise Refused(Reason.REPLACED, "another upload of the same bytes")
        kept.update(tagging_headers(tags))
        # Tags of the request count for some copies only; its grants always do.
        kept.update(granted(self.call.headers))
        return kept


def _written(seen: Snapshot) -> str | None:
    return seen.headers.get("Last-Modified")
