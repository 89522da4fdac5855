"""Look at listed objects that the index does not know."""

from collections.abc import Mapping
from typing import Final

import structlog

from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.listing_index import Known, ListedObject, ObjectState
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.retries import shown_headers
from slimgate.gateway.storage.stored_object import read_manifest
from slimgate.gateway.storage.upload_time import logical_view, stored_time

_MAX_STORED: Final = 1 << 30
"""Largest rendition, bytes: no policy admits larger uploads, and renditions are smaller."""

_log = structlog.get_logger(__name__)


def may_be_managed(key: str, size: int | None, prefixes: tuple[str, ...]) -> bool:
    """Return whether an object may be a rendition, by what a listing shows.

    Names decide nothing else: a copy of a rendition may have any name.

    Args:
        key: Decoded key.
        size: Stored size, bytes; None: unknown.
        prefixes: Prefixes of keys that may be managed.
    """
    return (size is None or 0 < size <= _MAX_STORED) and key.startswith(prefixes)


async def look(
    client: ObjectClient, bucket: str, listed: ListedObject, seals: Seals, index: BufferedIndex
) -> Known | None:
    """Look at an object with HEAD, and note it in the index unless its manifest is unreadable.

    Args:
        client: Client of the store.
        bucket: Bucket name.
        listed: The listed object; with an empty ETag, whatever object is there.
        seals: Read the manifest.
        index: Receives what was seen.

    Returns:
        What listings show, also of an object that has replaced the listed one since; None: the
        client cannot see it.

    Raises:
        Missing: It has been deleted since.
        S3Error: The store does not respond, or not about this object.
    """
    target = key_target(bucket, listed.key)
    answered = await shown_headers(client, target, listed.version_id)
    if answered is None:
        return None
    try:
        view = _view(target, answered, seals)
    except S3Error as error:
        # One unreadable manifest must not break the listing of other objects. It stays out of the
        # index, which outlives this process: another key or version may read it.
        _log.warning("unreadable manifest", bucket=target.bucket, key=target.key, reason=str(error))
        view = None
    else:
        state = ObjectState.of(answered)
        index.put(bucket, listed.key, state, view, version_id=listed.version_id)
    if view is None and listed.etag not in {"", headers.bare_etag(answered)}:
        # The entry may be that of a rendition, whose size must not be shown.
        view = _as_stored(answered)
    return Known(view)


def _as_stored(answered: Mapping[str, str]) -> LogicalView:
    size = int(answered.get("Content-Length", "0"))
    return LogicalView(size, headers.bare_etag(answered), stored_time(answered))


def _view(target: Target, answered: Mapping[str, str], seals: Seals) -> LogicalView | None:
    """Return what listings show; None: the object is plain.

    Raises:
        S3Error: The manifest is unreadable.
    """
    note = answered.get(headers.MANIFEST)
    if note is None:
        return None
    return logical_view(read_manifest(note, seals), target, stored_time(answered))
