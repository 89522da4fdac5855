"""A client of the store that keeps to a rate of requests and of bytes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from slimgate.gateway.jobs.pacing.token_bucket import TokenBucket
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.storage.messages import Request, Response
from slimgate.gateway.storage.object_client import ObjectClient


@dataclass(frozen=True, slots=True)
class Rates:
    """What all clients of a process share.

    Attributes:
        requests: Requests; None: as many as there are.
        traffic: Bytes of bodies, both ways; None: as many as there are.
    """

    requests: TokenBucket | None = None
    traffic: TokenBucket | None = None


@dataclass(frozen=True, slots=True)
class PacedClient(ObjectClient):
    """A client that waits before requests.

    Attributes:
        client: The client.
        rates: The rates.
        waits: Whether to wait. What must not wait, such as the renewal of a lease, is counted all
            the same, and others wait for longer.
    """

    client: ObjectClient
    rates: Rates
    waits: bool = True

    @property
    def passed_along(self) -> Mapping[str, str]:
        """Return the caller's headers for every request."""
        return self.client.passed_along

    def altered(
        self,
        *,
        source: CredentialSource | None = None,
        passed_along: Mapping[str, str] | None = None,
    ) -> "PacedClient":
        """Return the same client for another caller, at the same rates."""
        other = self.client.altered(source=source, passed_along=passed_along)
        return replace(self, client=other)

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[Response]:
        """Send a request when the rates allow it; see :meth:`ObjectClient.send`."""
        await self._spend(self.rates.requests, 1)
        # A length that is known only later is paid by those who come then.
        await self._spend(self.rates.traffic, request.length or 0)
        async with self.client.send(request) as response:
            if self.rates.traffic is not None and request.method != "HEAD":
                self.rates.traffic.spend(response.content_length or 0)
            yield response

    async def _spend(self, bucket: TokenBucket | None, amount: int) -> None:
        if bucket is None:
            return
        if self.waits:
            await bucket.take(amount)
        else:
            bucket.spend(amount)
