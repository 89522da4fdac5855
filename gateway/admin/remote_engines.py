"""Whether engines on other machines can be used, for readiness and metrics."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, get_args

from slimgate.gateway.telemetry import metrics
from slimgate.models import EngineStatus, RemoteOutcome, RemoteState

_UNKNOWN: Final = "the engine process does not answer"


class RemoteEnginesReadiness:
    """Tells whether an engine could ever be used, and whether one can be used now.

    A gateway that has never reached one is misconfigured, and should not replace one that works.
    If engines are lost later, plain objects and uploads are served all the same.

    Args:
        status: Returns what the engine process does; None: unknown.
    """

    def __init__(self, status: Callable[[], Awaitable[EngineStatus | None]]) -> None:
        self._status = status
        self._reached = False
        self.warning: str | None = None

    @property
    def not_ready_reason(self) -> str | None:
        """Return why the gateway is not ready; None: it is."""
        return None if self._reached else self.warning or _UNKNOWN

    async def ask(self) -> None:
        """Ask the engine process."""
        status = await self._status()
        if status is None:
            self.warning = _UNKNOWN
            return
        engines = status.remote or ()
        ready = [each for each in engines if each.state == "ready"]
        self._reached = self._reached or bool(ready)
        told = "; ".join(f"{each.address} is {each.state}: {each.reason}" for each in engines)
        found = told or "no host of engine.remote.urls has an address"
        self.warning = None if ready else f"no remote engine can be used: {found}"


def set_gauges(status: EngineStatus) -> None:
    """Set the gauges of engines on other machines, if the configuration has any."""
    if status.remote is None:
        return
    states = Counter(each.state for each in status.remote)
    for state in get_args(RemoteState):
        metrics.REMOTE_ENGINES.labels(state).set(states[state])
    for outcome in get_args(RemoteOutcome):
        metrics.REMOTE_ATTEMPTS.labels(outcome).set(status.attempts.get(outcome, 0))
