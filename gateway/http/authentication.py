"""Authenticate requests: client signatures, and the upstream keys that belong to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from slimgate.config import Settings
from slimgate.gateway.s3 import sigv2
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import virtual_bucket
from slimgate.gateway.s3.sigv4 import Verified, Verifier, WireRequest


@dataclass(frozen=True, slots=True)
class Signer:
    """The owner of an access key.

    Attributes:
        access_key: Access key of the client.
        secret: Its secret key.
        identity: Upstream credentials.
    """

    access_key: str
    secret: str = field(repr=False)
    identity: Identity

    @property
    def is_known_upstream(self) -> bool:
        """Return whether the store can verify what this client has signed."""
        return self.identity == Identity(self.access_key, self.secret)


class Authenticator:
    """Verify signatures against the configured credentials.

    Args:
        settings: Its ``credentials`` map inbound keys to upstream keys.
    """

    def __init__(self, settings: Settings) -> None:
        self._domains = settings.domains
        self._secrets: Mapping[str, str] = {
            pair.access_key: pair.secret_key.get_secret_value() for pair in settings.credentials
        }
        self._verifier = Verifier(self._secrets)
        old = {pair.access_key for pair in settings.credentials if pair.signature_v2}
        self._keys = sigv2.Keys(self._secrets, old)
        self._identities: Mapping[str, Identity] = {
            pair.access_key: Identity(pair.upstream[0], pair.upstream[1].get_secret_value())
            for pair in settings.credentials
        }

    def signer(self, access_key: str) -> Signer | None:
        """Return the owner of an access key; None if it is unknown."""
        if access_key not in self._secrets:
            return None
        return Signer(access_key, self._secrets[access_key], self._identities[access_key])

    def authenticate(
        self, request: web.Request, raw_path: str, raw_query: str
    ) -> tuple[Verified | None, Identity | None]:
        """Verify the signature of a request.

        Args:
            request: The request; its body is not read.
            raw_path: Path as sent.
            raw_query: Query as sent.

        Returns:
            The verified signature and the upstream identity; both None for an anonymous request,
            which the upstream accepts or refuses.

        Raises:
            S3Error: As `verify` of :mod:`slimgate.gateway.s3.sigv4` and
                :mod:`slimgate.gateway.s3.sigv2`.
        """
        wire = WireRequest(request.method, raw_path, raw_query, tuple(request.headers.items()))
        now = datetime.now(UTC)
        if sigv2.is_claimed(wire):
            bucket = virtual_bucket(request.headers.get("Host", ""), self._domains)
            verified: Verified | None = sigv2.verify(wire, bucket, self._keys, now)
        else:
            verified = self._verifier.verify(wire, now)
        return verified, self._identities[verified.access_key] if verified else None
