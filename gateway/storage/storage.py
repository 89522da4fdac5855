"""The store and its cached state."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.storage.cached_answers import Remembered
from gateway.storage.completing import Completing
from gateway.storage.cross_origin import Allowances
from gateway.storage.listing_index import LogicalIndex
from gateway.storage.manifest_seals import Seals
from gateway.storage.multipart_state import Uploads
from gateway.storage.stored_object import Found
from gateway.storage.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Storage:
    """The store and its cached state, all of which may be lost at any time.

    Attributes:
        upstream: Sends requests to the store.
        index: Logical sizes and ETags of objects.
        seals: Read and write manifests.
        locked_buckets: Whether buckets have default retention.
        allowances: Cached CORS headers.
        uploads: Headers of multipart uploads in progress that GET does not return.
        copied: Sources of multipart uploads in progress with copied parts.
        completing: Uploads being completed.
        finishing: Replacements that finish without their clients.
    """

    upstream: Upstream
    index: LogicalIndex
    seals: Seals
    locked_buckets: Remembered = field(default_factory=Remembered)
    allowances: Allowances = field(default_factory=Allowances)
    uploads: Uploads[Mapping[str, str]] = field(default_factory=Uploads)
    copied: Uploads[Found] = field(default_factory=Uploads)
    completing: Completing = field(default_factory=Completing)
    finishing: set[asyncio.Task[str | None]] = field(default_factory=set)
