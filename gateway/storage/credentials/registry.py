"""The credentials for the store that a configuration names, each obtained once for all callers."""

import asyncio
from collections.abc import Collection
from typing import Final

from cachetools import LRUCache

from slimgate.config import Upstream, UpstreamCredentials
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import CredentialSource, Identity
from slimgate.gateway.storage.credentials.obtaining import obtaining
from slimgate.gateway.storage.credentials.refreshing import RefreshingCredentials

_MAX_OTHERS: Final = 10_000
_OTHERS: Final = "credentials_file"
"""Name in metrics of what only the credentials file names: its roles are not a closed set."""

_PROBE_S: Final = 1.0
"""Time that a probe waits for the first credentials, seconds."""

NOT_OBTAINED: Final = "upstream credentials cannot be obtained: see the log"


class CredentialRegistry:
    """Credentials for the store, obtained when they are first used; close it at the end.

    Args:
        upstream: Region and STS endpoint.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._kept: dict[UpstreamCredentials, RefreshingCredentials] = {}
        self._others: LRUCache[UpstreamCredentials, RefreshingCredentials] = LRUCache(_MAX_OTHERS)
        self._keepers: dict[UpstreamCredentials, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Obtain no more credentials."""
        keepers = list(self._keepers.values())
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for each in (*self._kept.values(), *self._others.values()):
            await each.close()

    def keep(self, named: Collection[UpstreamCredentials]) -> None:
        """Obtain these credentials now, and keep them fresh, no longer those of the last call.

        They are refreshed whether they are used or not, so that their expiry is worth an alert.
        """
        wanted = {each for each in named if each.pair is None}
        names = {each.name for each in wanted}
        for gone in self._kept.keys() - wanted:
            self._keepers.pop(gone).cancel()
            source = self._kept.pop(gone)
            if gone.name not in names:
                source.end_expiry()
        for new in wanted - self._kept.keys():
            source = self._kept[new] = self._made(new, new.name, tells_expiry=True)
            self._keepers[new] = asyncio.create_task(_keep_fresh(source))

    def source(self, wanted: UpstreamCredentials) -> CredentialSource:
        """Return where credentials come from; equal ones are obtained once for all callers."""
        pair = wanted.pair
        if pair is not None:
            access_key, secret, token = pair
            text = None if token is None else token.get_secret_value()
            return Identity(access_key, secret.get_secret_value(), text)
        found = self._kept.get(wanted) or self._others.get(wanted)
        if found is None:
            found = self._others[wanted] = self._made(wanted, _OTHERS)
        return found

    async def not_ready_reason(self) -> str | None:
        """Return why requests cannot be signed; None: all configured credentials were obtained.

        Credentials that were obtained once do not count, whatever became of them: an outage of STS
        must not take all gateways out of service.
        """
        for source in self._kept.values():
            if not source.obtained:
                try:
                    async with asyncio.timeout(_PROBE_S):
                        await source.current()
                except (S3Error, TimeoutError):
                    return NOT_OBTAINED
        return None

    def _made(
        self, wanted: UpstreamCredentials, label: str, *, tells_expiry: bool = False
    ) -> RefreshingCredentials:
        obtain = obtaining(wanted, self._upstream)
        return RefreshingCredentials(wanted.name, obtain, label, tells_expiry=tells_expiry)


async def _keep_fresh(source: RefreshingCredentials) -> None:
    while True:
        await source.refresh_when_due()
