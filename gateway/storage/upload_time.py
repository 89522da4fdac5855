"""Last-Modified of managed objects: that of the upload, even if the rendition was stored later.

The manifest keeps the time. Stores copy objects with their metadata, but a copy is a new object
with a time of its own: the kept time counts for one bucket and key alone, and only while the
store's Last-Modified is no later than the rendition can have been stored. Only a copy of an object
onto itself within ``_WRITTEN_WITHIN`` of that is mistaken for it.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from slimgate.codec.manifest import Manifest
from slimgate.codec.notes import Uploaded
from slimgate.gateway.s3.http_date import parse_http_date
from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.s3.routing import Target

_WRITTEN_WITHIN: Final = timedelta(minutes=10)
"""Longest time from looking at an upload to storing its rendition, original and search included."""

_SECOND: Final = timedelta(seconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def kept(
    target: Target, answered: Mapping[str, str], listed: datetime | None = None
) -> Uploaded | None:
    """Return the time of an upload for the manifest of its rendition, which is stored next.

    Args:
        target: Bucket and key.
        answered: The store's response to GET or HEAD of the upload, case-insensitive.
        listed: Last-Modified in a listing, UTC; None: unknown. Some stores list milliseconds.

    Returns:
        The time; None if the store does not tell it.
    """
    uploaded = stored_time(answered)
    if uploaded is None:
        return None
    if listed is not None and listed.replace(microsecond=0) == uploaded:
        uploaded = listed
    until = time_of(answered) + _WRITTEN_WITHIN
    return Uploaded(
        time_ms=(uploaded - _EPOCH) // _MILLISECOND,
        until=(until - _EPOCH) // _SECOND,
        object=_digest(target),
    )


def upload_time(manifest: Manifest, target: Target, stored: datetime | None) -> datetime | None:
    """Return the time of an upload, UTC.

    Args:
        manifest: Manifest of the object.
        target: Bucket and key.
        stored: The store's Last-Modified, UTC; None: unknown.

    Returns:
        The time; None: that of the stored object.
    """
    kept, uploaded = manifest.uploaded, kept_time(manifest)
    if kept is None or uploaded is None or stored is None or kept.object != _digest(target):
        return None
    is_this_one = uploaded.replace(microsecond=0) <= stored <= _EPOCH + kept.until * _SECOND
    return uploaded if is_this_one else None


def kept_time(manifest: Manifest) -> datetime | None:
    """Return the time of an upload that a manifest keeps, of whatever object, UTC; None: none."""
    kept = manifest.uploaded
    return None if kept is None else _EPOCH + kept.time_ms * _MILLISECOND


def logical_view(manifest: Manifest, target: Target, stored: datetime | None) -> LogicalView:
    """Return what listings show of a managed object; arguments as :func:`upload_time`."""
    return LogicalView(manifest.size, manifest.etag, upload_time(manifest, target, stored))


def stored_time(answered: Mapping[str, str]) -> datetime | None:
    """Return the store's Last-Modified, UTC, in whole seconds; None: not in the response.

    Args:
        answered: Response headers, case-insensitive.
    """
    return parse_http_date(answered.get("Last-Modified", ""))


def time_of(answered: Mapping[str, str]) -> datetime:
    """Return when the store responded, by its own clock, UTC.

    Args:
        answered: Response headers, case-insensitive.
    """
    return parse_http_date(answered.get("Date", "")) or datetime.now(UTC)


def _digest(target: Target) -> str:
    name = f"{target.bucket}/{target.key}".encode(errors="surrogateescape")
    return hashlib.sha256(name).hexdigest()[:8]
