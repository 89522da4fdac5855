"""Authenticate requests by the signatures of clients."""

from collections.abc import Collection
from datetime import UTC, datetime

from aiohttp import web

from slimgate.gateway.s3 import sigv2
from slimgate.gateway.s3.client_keys import ClientKeys
from slimgate.gateway.s3.routing import virtual_bucket
from slimgate.gateway.s3.sigv4 import Verified, Verifier, WireRequest


class Authenticator:
    """Verify signatures against the keys of clients.

    Args:
        keys: Keys of clients.
        domains: Domain names of the gateway.
    """

    def __init__(self, keys: ClientKeys, domains: Collection[str]) -> None:
        self._keys = keys
        self._domains = domains
        self._verifier = Verifier(keys)

    def authenticate(self, request: web.Request, raw_path: str, raw_query: str) -> Verified | None:
        """Verify the signature of a request.

        Args:
            request: The request; its body is not read.
            raw_path: Path as sent.
            raw_query: Query as sent.

        Returns:
            The verified signature; None for an anonymous request, which the upstream accepts or
            refuses.

        Raises:
            S3Error: As `verify` of :mod:`slimgate.gateway.s3.sigv4` and
                :mod:`slimgate.gateway.s3.sigv2`.
        """
        wire = WireRequest(request.method, raw_path, raw_query, tuple(request.headers.items()))
        now = datetime.now(UTC)
        if sigv2.is_claimed(wire):
            bucket = virtual_bucket(request.headers.get("Host", ""), self._domains)
            return sigv2.verify(wire, bucket, self._keys, now)
        return self._verifier.verify(wire, now)
