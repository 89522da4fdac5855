"""Which credentials sign the requests to the store that are made for a client."""

import asyncio
import datetime
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Self

import structlog

from slimgate.config import ConfigError, Policies, Settings, UpstreamCredentials
from slimgate.gateway.http.client_credentials import ClientCredentials
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import CredentialSource, Identity
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.s3.session_tokens import SessionToken
from slimgate.gateway.storage.credentials.by_policy import ByPolicy
from slimgate.gateway.storage.credentials.registry import CredentialRegistry

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Signer:
    """The client that signed a form.

    Attributes:
        pair: Key pair that it is signed with, and its session token.
        source: Credentials for the store.
    """

    pair: Identity = field(repr=False)
    source: CredentialSource

    def is_known_upstream(self, target: Target) -> bool:
        """Return whether the store can verify what this client has signed.

        Args:
            target: Where the form goes.
        """
        return self.source.for_request(target, "") == self.pair


class Callers:
    """The clients and their credentials for the store, for the duration of an ``async with`` block.

    Args:
        settings: Credentials, and the store.
        policies: Policies in force.
        serves: Keep the credentials of the configuration fresh, used or not.

    Raises:
        ConfigError: The credentials file is invalid.
    """

    def __init__(self, settings: Settings, policies: Policies, *, serves: bool = False) -> None:
        self._settings = settings
        self._policies = policies
        self._serves = serves
        self.clients = ClientCredentials(settings.credentials, settings.credentials_file)
        self.registry = CredentialRegistry(settings.upstream)

    async def __aenter__(self) -> Self:
        self.follow_policies()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.registry.close()

    def follow_policies(self) -> None:
        """Keep the credentials of the policies fresh that are in force now."""
        if self._serves:
            self.registry.keep(self._named())

    def own(self, access_key: str) -> CredentialSource | None:
        """Return the credentials of a client, whatever policies say; None: it is unknown."""
        client = self.clients.find(access_key)
        if client is None:
            return None
        if client.upstream is None:
            return Identity(access_key, client.key.secret, client.key.session_token)
        return self.registry.source(client.upstream)

    def caller(self, access_key: str) -> CredentialSource | None:
        """Return the credentials for a client's requests; None: it is unknown."""
        own = self.own(access_key)
        return None if own is None else ByPolicy(own, self._policies, self.registry.source)

    def signer(self, access_key: str, token: str | None) -> Signer | None:
        """Return the client that signed a form; None: perhaps a client that only the store knows.

        Args:
            access_key: Access key that the form names.
            token: Session token in the form; None: none.

        Raises:
            S3Error: InvalidToken, ExpiredToken or InvalidAccessKeyId.
        """
        issued = token is not None and SessionToken.parse(token) is not None
        if self.clients.find(access_key) is None and not issued:
            return None
        now = datetime.datetime.now(datetime.UTC)
        signing = self.clients.keys.signing_key(access_key, token, now)
        source = self.caller(signing.owner)
        if source is None:  # removed meanwhile
            raise S3Error("InvalidAccessKeyId")
        return Signer(Identity(access_key, signing.secret, token), source)

    async def reload(self) -> None:
        """Read the credentials file again; an invalid one changes nothing."""
        try:
            found = await asyncio.to_thread(self.clients.read_file)
        except ConfigError as error:
            event = "credentials file not reloaded: the old credentials stay"
            _log.error(event, problems=str(error))
            return
        self.clients.replace(found)
        _log.info("credentials file reloaded", credentials=len(found))

    def _named(self) -> Collection[UpstreamCredentials]:
        """Return what credentials and policies of the configuration name."""
        named = [each.other_upstream for each in self._settings.credentials]
        named += [policy.upstream for policy in self._policies]
        return [each for each in named if each is not None]
