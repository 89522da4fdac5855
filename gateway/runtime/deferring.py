"""The background of a gateway: credentials and tools for what works through the deferred queue."""

from slimgate.gateway.deferred.background import Background
from slimgate.gateway.deferred.images import QueuedImages
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.runtime.parts import Parts
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import CredentialSource, Identity
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.credentials.callers import Callers
from slimgate.gateway.storage.object_client import Caller, UpstreamClient


class BackgroundCredentials:
    """Credentials of a configured client, or of the policy of an object, as they are now.

    The credentials file may be reloaded; clients' own keys and tokens are never kept.

    Args:
        callers: Clients, and their credentials for the store.
        access_key: Access key of the client; None: the first one.
    """

    def __init__(self, callers: Callers, access_key: str | None) -> None:
        self._callers = callers
        self._access_key = access_key

    @property
    def is_renewable(self) -> bool:
        """Return whether the client's credentials can be renewed."""
        return self._client().is_renewable

    @property
    def depends_on_keys(self) -> bool:
        """Return True: policies may name credentials at any time."""
        return True

    def for_request(self, target: Target, query: str) -> CredentialSource:
        """Return the source that signs a request; see :class:`CredentialSource`.

        Raises:
            S3Error: ServiceUnavailable; there is no such client now.
        """
        return self._client().for_request(target, query)

    async def current(self) -> Identity:
        """Return the client's credentials."""
        return await self._client().current()

    async def renewed(self, rejected: Identity) -> Identity | None:
        """Return other ones of the client's."""
        return await self._client().renewed(rejected)

    def _client(self) -> CredentialSource:
        access_key = self._access_key or self._callers.clients.first
        source = None if access_key is None else self._callers.caller(access_key)
        if source is None:
            raise S3Error("ServiceUnavailable", "No credentials: set deferred.access_key.")
        return source


def background(parts: Parts) -> Background:
    """Return what works through the queue of a gateway."""
    settings, storage = parts.settings.deferred, parts.storage
    source = BackgroundCredentials(parts.callers, settings.access_key)
    tools = Tools(
        policies=parts.policies,
        client=UpstreamClient(storage.upstream, Caller(source)),
        seals=storage.seals,
        workers=parts.compute.workers,
        jobs=settings.concurrency,
        listing_index=storage.index,
        archive=storage.archive,
    )
    images = QueuedImages(
        tools,
        parts.limits.buffers,
        parts.telemetry,
        remove_replaced=settings.remove_replaced,
    )
    policies = parts.policies
    return Background(
        settings, parts.queue, images, lambda: any(policy.in_background for policy in policies)
    )
