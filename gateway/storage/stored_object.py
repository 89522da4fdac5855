"""Managed objects: recognized by their manifest, and restored to the uploaded file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final

from slimgate.codec.manifest import BrokenManifest, Manifest
from slimgate.gateway.cache.memory import CacheKey
from slimgate.gateway.s3 import conditional, headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.errors import check_available
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.listing_index import ObjectState
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Response, read_bounded
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.upload_time import logical_view, stored_time, time_of, upload_time
from slimgate.gateway.telemetry import metrics

_READ_WITHIN: Final = timedelta(days=1)
"""Longest time that a client reads an object in parts, with a date instead of an ETag."""


@dataclass(frozen=True, slots=True)
class ManagedObject:
    """A managed object in the bucket.

    Attributes:
        target: Bucket and key.
        version_id: Requested version; None: the current one.
        manifest: Its manifest.
        stored_etag: ETag of the rendition, without quotes.
        upstream: Response headers of the store.
    """

    target: Target
    version_id: str | None
    manifest: Manifest
    stored_etag: str
    upstream: Mapping[str, str]

    @property
    def cache_key(self) -> CacheKey:
        """Return the cache key of the restored file."""
        return CacheKey(
            bucket=self.target.bucket,
            key=self.target.key,
            version_id=self.upstream.get("x-amz-version-id", ""),
            stored_etag=self.stored_etag,
            restorer=self.manifest.stored.restorer or "",
            sha256=self.manifest.sha256,
        )

    @property
    def view_etag(self) -> str:
        """Return the ETag of the rendition where it is served, without quotes; empty: never.

        Unlike the stored ETag it is the same in all buckets; the dash tells that it is no MD5.
        """
        return f"{self.manifest.view}-1" if self.manifest.view else ""

    @property
    def stored_size(self) -> int:
        """Return the size of the rendition, bytes; at most the size of the upload if unknown."""
        told = self.upstream.get("Content-Length", "")
        return min(int(told), self.manifest.size) if told.isdigit() else self.manifest.size

    def identity(self, etag: str) -> conditional.Representation:
        """Return the validators of the restored file; the stored ETag is not one of them.

        Args:
            etag: ETag of the served bytes: the manifest's, unless an encoder has changed.
        """
        stored = stored_time(self.upstream) or datetime.now(UTC)
        uploaded = self._uploaded
        return conditional.Representation(
            etag=etag,
            last_modified=(uploaded or stored).replace(microsecond=0),
            aliases=frozenset({self.manifest.etag, self.manifest.md5}),
            changed=stored if uploaded and self._is_new(stored) else None,
        )

    @property
    def last_modified(self) -> Mapping[str, str]:
        """Return Last-Modified as a header; empty if it is that of the stored object."""
        uploaded = self._uploaded
        if uploaded is None:
            return {}
        return {"Last-Modified": format_datetime(uploaded, usegmt=True)}

    @property
    def _uploaded(self) -> datetime | None:
        return upload_time(self.manifest, self.target, stored_time(self.upstream))

    def _is_new(self, stored: datetime) -> bool:
        """Return whether a client may still be reading parts of the uploaded bytes."""
        # A file that is restored to the byte has no others.
        return (
            self.manifest.stored.tier != "exact" and time_of(self.upstream) < stored + _READ_WITHIN
        )


def recognize(
    response: Response, target: Target, version_id: str | None, seals: Seals, index: BufferedIndex
) -> ManagedObject | None:
    """Read the manifest in a response about an object, and update the listing index.

    Args:
        response: Response to GET or HEAD.
        target: Bucket and key.
        version_id: Requested version; None: the current one.
        seals: Read the manifest.
        index: Receives the view.

    Returns:
        The managed object; None if it is plain.

    Raises:
        S3Error: InternalError for an invalid manifest.
    """
    note = response.headers.get(headers.MANIFEST)
    if note is None or response.status >= HTTPStatus.MULTIPLE_CHOICES:
        return None
    manifest = read_manifest(note, seals)
    stored_etag = headers.bare_etag(response.headers)
    view = logical_view(manifest, target, stored_time(response.headers))
    seen = ObjectState.of(response.headers)
    index.put(target.bucket, target.key, seen, view, version_id=version_id)
    return ManagedObject(target, version_id, manifest, stored_etag, response.headers)


async def look_up(
    client: ObjectClient,
    target: Target,
    version_id: str | None,
    seals: Seals,
    index: BufferedIndex,
) -> ManagedObject | None:
    """Look up an object with HEAD; None if it is plain, hidden or missing.

    Args:
        client: Client of the store.
        target: Bucket and key.
        version_id: Version; None: the current one.
        seals: Read the manifest.
        index: Receives the view.

    Raises:
        S3Error: ServiceUnavailable if the upstream does not respond: treating an unknown object as
            plain could lose a manifest.
    """
    return (await look_up_with_etag(client, target, version_id, seals, index))[0]


async def look_up_with_etag(
    client: ObjectClient,
    target: Target,
    version_id: str | None,
    seals: Seals,
    index: BufferedIndex,
) -> tuple[ManagedObject | None, str]:
    """Return the result of :func:`look_up`, and the stored ETag: empty if not visible.

    Raises:
        S3Error: As :func:`look_up`.
    """
    async with client.head(target, version_id) as response:
        check_available(response)
        etag = headers.bare_etag(response.headers) if response.status == HTTPStatus.OK else ""
        return recognize(response, target, version_id, seals, index), etag


def read_manifest(note: str, seals: Seals) -> Manifest:
    """Parse a manifest in metadata.

    Raises:
        S3Error: InternalError; a rendition must never be served as the object.
    """
    try:
        return seals.read(note)
    except BrokenManifest as error:
        metrics.RESTORES.labels("unreadable").inc()
        raise S3Error(
            "InternalError", f"This object's slimgate manifest cannot be read: {error}."
        ) from error


async def read_rendition(client: ObjectClient, found: ManagedObject) -> bytes:
    """Read the rendition of a managed object.

    Raises:
        S3Error: SlowDown if the object has been replaced: a retry sees the new one.
    """
    async with client.get(found.target, found.version_id, etag=found.stored_etag) as response:
        if response.status != HTTPStatus.OK:
            raise S3Error(
                "SlowDown", "The object was changed while it was being read. Please try again."
            )
        return await read_bounded(response, found.manifest.size)


async def stored_condition(
    client: ObjectClient,
    target: Target,
    asked: Mapping[str, str],
    seals: Seals,
    index: BufferedIndex,
) -> Mapping[str, str]:
    """Evaluate If-Match and If-None-Match of a write to a managed object.

    Clients know other ETags than the upstream. A condition that holds is forwarded with the stored
    ETag, so that the store checks it again at the time of the write.

    Args:
        client: Client of the store.
        target: Target of the write.
        asked: Request headers, case-insensitive.
        seals: Read the manifest.
        index: Receives the view of the object.

    Returns:
        Headers that replace the client's.

    Raises:
        S3Error: PreconditionFailed, or as :func:`look_up`.
    """
    conditions = {
        name.lower(): value
        for name in ("If-Match", "If-None-Match")
        if (value := asked.get(name, "*")) != "*"
    }
    found = await look_up(client, target, None, seals, index) if conditions else None
    if found is None:
        return {}
    identity = found.identity(found.manifest.etag)
    if conditional.evaluate(conditions, identity) is not conditional.Outcome.PROCEED:
        raise S3Error("PreconditionFailed")
    # Ceph treats quotes in If-Match of a PUT as part of the ETag; other stores accept both forms.
    return {"If-Match": found.stored_etag} if "if-match" in conditions else {}
