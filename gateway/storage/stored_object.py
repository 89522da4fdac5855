"""Managed objects: recognized by their manifest, and read back as they were uploaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from codec.manifest import BrokenManifest, Manifest
from gateway.cache.memory import CacheKey
from gateway.s3 import conditional, headers
from gateway.s3.errors import S3Error
from gateway.s3.listing_xml import View
from gateway.s3.routing import Target
from gateway.storage.errors import check_available
from gateway.storage.listing_index import LogicalIndex, Sighting
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import Response, read_bounded
from gateway.storage.object_client import ObjectClient
from gateway.telemetry import metrics


@dataclass(frozen=True, slots=True)
class Found:
    """A managed object in the bucket.

    Attributes:
        target: Where it lies.
        version_id: Which version was asked for; None: the current one.
        manifest: How to restore it.
        stored_etag: Of the rendition, without quotes.
        upstream: The upstream's response headers.
    """

    target: Target
    version_id: str | None
    manifest: Manifest
    stored_etag: str
    upstream: Mapping[str, str]

    @property
    def cache_key(self) -> CacheKey:
        """Give what the restored file depends on."""
        return CacheKey(
            bucket=self.target.bucket,
            key=self.target.key,
            version_id=self.upstream.get("x-amz-version-id", ""),
            stored_etag=self.stored_etag,
            restorer=self.manifest.stored.restorer or "",
            sha256=self.manifest.sha256,
        )

    @property
    def stored_size(self) -> int:
        """Give the bytes of the rendition; what the upstream does not tell is taken for most."""
        told = self.upstream.get("Content-Length", "")
        return min(int(told), self.manifest.size) if told.isdigit() else self.manifest.size

    def identity(self, etag: str) -> conditional.Representation:
        """Return what conditions compare with; the stored ETag names no restored bytes.

        Args:
            etag: Of the bytes that are served: the manifest's, unless an encoder has changed.
        """
        modified = self.upstream.get("Last-Modified")
        return conditional.Representation(
            etag=etag,
            last_modified=parsedate_to_datetime(modified) if modified else datetime.now(UTC),
            aliases=frozenset({self.manifest.etag, self.manifest.md5}),
        )


def recognize(
    response: Response, target: Target, version_id: str | None, seals: Seals, index: LogicalIndex
) -> Found | None:
    """Read the manifest of an answer about an object, and remember how listings show it.

    Args:
        response: The answer to GET or HEAD.
        target: Which object.
        version_id: Which version was asked for; None: the current one.
        seals: Read the manifest.
        index: Remembers the view of a current version.

    Returns:
        None when the object is plain.

    Raises:
        S3Error: InternalError for a manifest that cannot be read.
    """
    note = response.headers.get(headers.MANIFEST)
    if note is None or response.status >= HTTPStatus.MULTIPLE_CHOICES:
        return None
    manifest = read_manifest(note, seals)
    stored_etag = headers.bare_etag(response.headers)
    if version_id is None:
        view = View(manifest.size, manifest.etag)
        seen = Sighting.of(response.headers)
        index.put(target.bucket, target.key, seen, view)
    return Found(target, version_id, manifest, stored_etag, response.headers)


async def look(
    client: ObjectClient,
    target: Target,
    version_id: str | None,
    seals: Seals,
    index: LogicalIndex,
) -> Found | None:
    """Look at an object with HEAD; None when it is plain, hidden or not there.

    Args:
        client: On whose behalf.
        target: Which object.
        version_id: Which version; None: the current one.
        seals: Read the manifest.
        index: Remembers the view of a current version.

    Raises:
        S3Error: ServiceUnavailable when the upstream does not say: what is not known to be plain
            must not be treated so, or a rendition could lose its manifest.
    """
    return (await look_closely(client, target, version_id, seals, index))[0]


async def look_closely(
    client: ObjectClient,
    target: Target,
    version_id: str | None,
    seals: Seals,
    index: LogicalIndex,
) -> tuple[Found | None, str]:
    """Return what :func:`look` does, and the stored ETag: empty when the object is not shown.

    Raises:
        S3Error: As :func:`look`.
    """
    async with client.head(target, version_id) as response:
        check_available(response)
        etag = headers.bare_etag(response.headers) if response.status == HTTPStatus.OK else ""
        return recognize(response, target, version_id, seals, index), etag


def read_manifest(note: str, seals: Seals) -> Manifest:
    """Read a manifest from metadata.

    Raises:
        S3Error: InternalError; the rendition must never pass for the object.
    """
    try:
        return seals.read(note)
    except BrokenManifest as error:
        metrics.RESTORES.labels("unreadable").inc()
        raise S3Error(
            "InternalError", f"This object's slimgate manifest cannot be read: {error}."
        ) from error


async def read_rendition(client: ObjectClient, found: Found) -> bytes:
    """Read what is stored of a managed object.

    Raises:
        S3Error: SlowDown when the object was replaced meanwhile: a retry sees what is there now.
    """
    async with client.get(found.target, found.version_id, etag=found.stored_etag) as response:
        if response.status != HTTPStatus.OK:
            raise S3Error("SlowDown", "The object was changed while it was read. Try again.")
        return await read_bounded(response, found.manifest.size)


async def stored_condition(
    client: ObjectClient,
    target: Target,
    asked: Mapping[str, str],
    seals: Seals,
    index: LogicalIndex,
) -> Mapping[str, str]:
    """Evaluate the If-Match and If-None-Match of a write against a managed object.

    The names that clients know are not the upstream's. What holds goes upstream in terms of the
    stored ETag, so that it also holds in the moment of the write.

    Args:
        client: On whose behalf.
        target: What is written to.
        asked: Headers of the write, without regard to case.
        seals: Read the manifest.
        index: Remembers the view of the object.

    Returns:
        Headers to send in the place of the client's.

    Raises:
        S3Error: PreconditionFailed, or as :func:`look`.
    """
    conditions = {
        name.lower(): value
        for name in ("If-Match", "If-None-Match")
        if (value := asked.get(name, "*")) != "*"
    }
    found = await look(client, target, None, seals, index) if conditions else None
    if found is None:
        return {}
    identity = found.identity(found.manifest.etag)
    if conditional.evaluate(conditions, identity) is not conditional.Outcome.PROCEED:
        raise S3Error("PreconditionFailed")
    # Ceph takes the quotes of a PUT's If-Match for a part of the ETag; others take both forms.
    return {"If-Match": found.stored_etag} if "if-match" in conditions else {}
