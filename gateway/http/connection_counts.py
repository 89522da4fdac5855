"""Count connections, in total and per client address."""

import math
from collections import Counter

from slimgate.config import Limits
from slimgate.gateway.telemetry import metrics

Client = str | None


class ConnectionCounts:
    """Count connections from the moment they are accepted.

    Args:
        limits: Most connections, and the largest share of one address.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.max_connections
        shared = math.ceil(limits.max_connections * limits.address_share)
        self._most_of_one = min(shared, limits.per_address.connections or shared)
        self._of: Counter[Client] = Counter()
        self._total = 0

    @property
    def is_full(self) -> bool:
        """Return whether the total limit is reached."""
        return self._total >= self._most

    def is_client_full(self, client: Client) -> bool:
        """Return whether an address has reached its share; None never has."""
        return client is not None and self._of[client] >= self._most_of_one

    def add(self, client: Client) -> None:
        """Count a new connection."""
        self._of[client] += 1
        self._total += 1

    def remove(self, client: Client) -> None:
        """Count a closed connection."""
        self._total -= 1
        self._of[client] -= 1
        if not self._of[client]:
            del self._of[client]

    def note_refusal(self, client: Client) -> None:
        """Count a refused connection."""
        limit = "connection share" if self.is_client_full(client) else "connections"
        metrics.LIMITED.labels(limit).inc()
