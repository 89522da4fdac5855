"""The store and its cached state."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from slimgate.gateway.storage.answer_cache import AnswerCache
from slimgate.gateway.storage.authorizations import Authorizations
from slimgate.gateway.storage.completing import PendingCompletions
from slimgate.gateway.storage.cross_origin import CorsCache
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.multipart_state import MultipartState
from slimgate.gateway.storage.originals import Archive
from slimgate.gateway.storage.stored_object import ManagedObject
from slimgate.gateway.storage.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Storage:
    """The store and its cached state, all of which may be lost at any time.

    Attributes:
        upstream: Sends requests to the store.
        index: Sizes and ETags of uploads.
        seals: Read and write manifests.
        archive: Keeps originals.
        locked_buckets: Whether buckets have default retention.
        cors_cache: Cached CORS headers.
        uploads: Headers of multipart uploads in progress that GET does not return.
        copied: Sources of multipart uploads in progress with copied parts.
        completing: MultipartState being completed.
        authorizations: Answers of the store that still count.
        finishing: Replacements that finish without their clients.
    """

    upstream: Upstream
    index: BufferedIndex
    seals: Seals
    archive: Archive = field(default_factory=Archive)
    locked_buckets: AnswerCache = field(default_factory=AnswerCache)
    cors_cache: CorsCache = field(default_factory=CorsCache)
    uploads: MultipartState[Mapping[str, str]] = field(default_factory=MultipartState)
    copied: MultipartState[ManagedObject] = field(default_factory=MultipartState)
    completing: PendingCompletions = field(default_factory=PendingCompletions)
    authorizations: Authorizations = field(default_factory=Authorizations)
    finishing: set[asyncio.Task[str | None]] = field(default_factory=set)
