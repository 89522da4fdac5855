"""Limits of each client, by address and by identity: what one may hold, and how often it may ask.

Tables have an entry per client that holds something, so that connections bound them;
:mod:`slimgate.gateway.http.request_rate` bounds its own.
"""

from collections import Counter
from typing import Final

from slimgate.config import ClientLimits as Settings
from slimgate.gateway.http.byte_budget import Quota
from slimgate.gateway.http.request_rate import RequestRate
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.telemetry import metrics

_BYTES: Final = "bytes"


class ClientCounts:
    """What clients of one kind hold, and their limits.

    Args:
        kind: ``address`` or ``identity``, for the metric.
        limits: Limits of each client.
    """

    def __init__(self, kind: str, limits: Settings) -> None:
        self._kind = kind
        self._most_requests = limits.connections
        self._most_bytes = limits.bytes_in_flight
        self._rate = None
        if limits.requests_per_s is not None:
            self._rate = RequestRate(limits.requests_per_s, limits.burst)
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return the number of clients that hold something."""
        return len(self._requests.keys() | self._bytes.keys())

    def begin(self, client: str) -> None:
        """Count a request.

        Raises:
            S3Error: SlowDown, with the seconds until the client may ask again.
        """
        if self._most_requests is not None and self._requests[client] >= self._most_requests:
            raise self._refused("connections")
        wait_s = 0.0 if self._rate is None else self._rate.wait_s(client)
        if wait_s:
            raise self._refused("requests", wait_s)
        self._requests[client] += 1

    def end(self, client: str) -> None:
        """Stop counting a request."""
        _take(self._requests, client, 1)

    def hold(self, client: str, amount: int, own: int) -> None:
        """Count bytes.

        Args:
            client: The client.
            amount: Bytes to add.
            own: Bytes that the same request holds already.

        Raises:
            S3Error: SlowDown: they and those of the client's other requests are too many.
        """
        held = self._bytes[client]
        if self._most_bytes is not None and held > own and held + amount > self._most_bytes:
            raise self._refused(_BYTES)
        self._bytes[client] += amount

    def release(self, client: str, amount: int) -> None:
        """Stop counting bytes."""
        _take(self._bytes, client, amount)

    def _refused(self, what: str, wait_s: float = 1.0) -> S3Error:
        metrics.LIMITED.labels(f"{self._kind} {what}").inc()
        return S3Error("SlowDown", retry_after_s=wait_s)


class RequestHold:
    """What one request holds of the limits of its clients: its address, then its identity."""

    def __init__(self) -> None:
        self._clients: list[tuple[ClientCounts, str]] = []
        self._own = 0

    def begin(self, counts: ClientCounts | None, client: str | None) -> None:
        """Count the request for a client, before it holds bytes.

        Args:
            counts: Counts of its kind; None: without limits.
            client: The client; None or empty: unknown, without limits.

        Raises:
            S3Error: SlowDown.
        """
        if counts is not None and client:
            counts.begin(client)
            self._clients.append((counts, client))

    def hold(self, amount: int) -> None:
        """Count bytes, until they are released or the request ends.

        Raises:
            S3Error: SlowDown; none were counted.
        """
        for number, (counts, client) in enumerate(self._clients):
            try:
                counts.hold(client, amount, self._own)
            except S3Error:
                for other, same in self._clients[:number]:
                    other.release(same, amount)
                raise
        self._own += amount

    def release(self, amount: int) -> None:
        """Stop counting bytes."""
        self._own -= amount
        for counts, client in self._clients:
            counts.release(client, amount)

    def end(self) -> None:
        """Stop counting the request, and all bytes that it still holds."""
        self.release(self._own)
        for counts, client in self._clients:
            counts.end(client)
        self._clients.clear()

    def limiting(self, whole: Quota) -> Quota:
        """Return a quota whose reservations count for the clients of this request, too."""
        return _HeldQuota(whole, self) if self._clients else whole


class _HeldQuota:
    """Reservations that count for the clients of a request, too."""

    def __init__(self, whole: Quota, hold: RequestHold) -> None:
        self._whole = whole
        self._hold = hold

    @property
    def total(self) -> int:
        """Return the most bytes that may be held by all."""
        return self._whole.total

    def reserve(self, amount: int) -> bool:
        """Reserve bytes; return False and reserve nothing if they do not fit.

        Raises:
            S3Error: SlowDown: the client holds too many.
        """
        self._hold.hold(amount)
        if self._whole.reserve(amount):
            return True
        self._hold.release(amount)
        return False

    def release(self, amount: int) -> None:
        """Release reserved bytes."""
        self._whole.release(amount)
        self._hold.release(amount)


def counts_of(kind: str, limits: Settings) -> ClientCounts | None:
    """Return counts of clients of one kind; None: none of the limits is set."""
    limited = (limits.connections, limits.requests_per_s, limits.bytes_in_flight)
    return None if limited == (None, None, None) else ClientCounts(kind, limits)


def _take(counter: Counter[str], client: str, amount: int) -> None:
    counter[client] -= amount
    if counter[client] <= 0:
        del counter[client]
