"""Managed objects: recognized by their manifest, and read back as they were uploaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from codec.manifest import BrokenManifest, Manifest
from gateway.cache.memory import CacheKey
from gateway.exchange import Exchange
from gateway.relay import sent
from gateway.s3 import conditional, headers
from gateway.s3.canonical import escaped
from gateway.s3.errors import S3Error
from gateway.s3.listing_xml import View
from gateway.s3.routing import Target
from gateway.storage.listing_index import Sighting
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import Response, read_bounded
from gateway.storage.upstream import Request
from gateway.telemetry import metrics

_NO_ANSWER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})

META_KEY: Final = headers.MANIFEST.removeprefix("x-amz-meta-")


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
    exchange: Exchange, target: Target, version_id: str | None, response: Response
) -> Found | None:
    """Read the manifest of a response about an object; None when the object is plain."""
    note = response.headers.get(headers.MANIFEST)
    if note is None or response.status >= HTTPStatus.MULTIPLE_CHOICES:
        return None
    manifest = read_manifest(note, exchange.storage.seals)
    stored_etag = headers.bare_etag(response.headers)
    if version_id is None:
        view = View(manifest.size, manifest.etag)
        seen = Sighting.of(response.headers)
        exchange.storage.index.put(target.bucket, target.key, seen, view)
    return Found(target, version_id, manifest, stored_etag, response.headers)


async def look(exchange: Exchange, target: Target, version_id: str | None = None) -> Found | None:
    """Look at an object with HEAD, as this caller; None when it is plain, hidden or not there.

    Args:
        exchange: Whose caller asks.
        target: Which object.
        version_id: Which version; None: the current one.

    Raises:
        S3Error: ServiceUnavailable when the upstream does not say: what is not known to be plain
            must not be treated so, or a rendition could lose its manifest.
    """
    return (await look_closely(exchange, target, version_id))[0]


async def look_closely(
    exchange: Exchange, target: Target, version_id: str | None = None
) -> tuple[Found | None, str]:
    """Return what :func:`look` does, and the stored ETag: empty when the object is not shown.

    Raises:
        S3Error: As :func:`look`.
    """
    request = request_for(exchange, "HEAD", target, version_id)
    async with sent(exchange, request) as response:
        if response.status in _NO_ANSWER or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise S3Error("ServiceUnavailable")
        etag = headers.bare_etag(response.headers) if response.status == HTTPStatus.OK else ""
        return recognize(exchange, target, version_id, response), etag


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


async def read_rendition(exchange: Exchange, found: Found) -> bytes:
    """Read what is stored of a managed object.

    Raises:
        S3Error: SlowDown when the object was replaced meanwhile: a retry sees what is there now.
    """
    condition = {"If-Match": f'"{found.stored_etag}"'}
    request = request_for(exchange, "GET", found.target, found.version_id, condition)
    async with sent(exchange, request) as response:
        if response.status != HTTPStatus.OK:
            raise S3Error("SlowDown", "The object was changed while it was read. Try again.")
        return await read_bounded(response, found.manifest.size)


def request_for(
    exchange: Exchange,
    method: str,
    target: Target,
    version_id: str | None,
    extra: Mapping[str, str] | None = None,
    *,
    subresource: str = "",
) -> Request:
    """Make a request of our own about an object, for the sake of the client's.

    Args:
        exchange: The client's request.
        method: HTTP method.
        target: Which object.
        version_id: Which version; None: the current one.
        extra: Headers to send along.
        subresource: What of the object; empty: the object itself.
    """
    version = f"versionId={escaped(version_id)}" if version_id else ""
    query = "&".join(filter(None, (subresource, version)))
    kept = headers.caller_headers(exchange.headers, extra or {})
    return Request(method, target, query, kept)


async def translate_condition(exchange: Exchange) -> None:
    """Evaluate the If-Match and If-None-Match of a write against a managed object.

    The names that clients know are not the upstream's. What holds goes upstream in terms of the
    stored ETag, so that it also holds in the moment of the write.

    Raises:
        S3Error: PreconditionFailed, or as :func:`look`.
    """
    asked = {
        name: value
        for name in ("If-Match", "If-None-Match")
        if (value := exchange.headers.get(name, "*")) != "*"
    }
    found = await look(exchange, exchange.target) if asked else None
    if found is None:
        return
    conditions = {name.lower(): value for name, value in asked.items()}
    identity = found.identity(found.manifest.etag)
    if conditional.evaluate(conditions, identity) is not conditional.Outcome.PROCEED:
        raise S3Error("PreconditionFailed")
    if "If-Match" in asked:
        # Ceph takes the quotes of a PUT's If-Match for a part of the ETag; others take both forms.
        exchange.overrides["If-Match"] = found.stored_etag
