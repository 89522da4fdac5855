"""What jobs see and write goes into the index of listings."""

from collections.abc import Mapping

from slimgate.codec.manifest import Manifest
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.listing_index import ObjectState
from slimgate.gateway.storage.snapshot import Snapshot
from slimgate.gateway.storage.upload_time import logical_view, stored_time, time_of


def note_seen(tools: Tools, seen: Snapshot) -> None:
    """Note an object that was looked at."""
    if tools.listing_index is None:
        return
    manifest, target = seen.manifest, seen.target
    view = None if manifest is None else logical_view(manifest, target, stored_time(seen.headers))
    state = ObjectState.of(seen.headers)
    tools.listing_index.put(target.bucket, target.key, state, view, version_id=seen.version)


def note_written(
    tools: Tools,
    target: Target,
    manifest: Manifest | None,
    answered: Mapping[str, str],
    elapsed_s: float,
) -> None:
    """Note an object that was written.

    Args:
        tools: With the index.
        target: Bucket and key.
        manifest: Manifest of the rendition; None: it is a plain object.
        answered: Response headers, case-insensitive.
        elapsed_s: Time since the request was sent, or earlier, seconds.
    """
    if tools.listing_index is None:
        return
    # The response to a PUT names no Last-Modified, but cannot be earlier.
    stored = stored_time(answered) or time_of(answered)
    view = None if manifest is None else logical_view(manifest, target, stored)
    state = ObjectState.of_write(answered, headers.bare_etag(answered), elapsed_s)
    tools.listing_index.put(target.bucket, target.key, state, view)
