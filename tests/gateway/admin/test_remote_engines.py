"""Tests of readiness where engines are on other machines."""

from slimgate.gateway.admin.remote_engines import RemoteEnginesReadiness, set_gauges
from slimgate.gateway.telemetry import metrics
from slimgate.models import EngineStatus
from slimgate.models.engine.status import RemoteStatus

_READY = RemoteStatus("http://a:9100", "ready", "", 3)
_LOST = RemoteStatus("http://b:9100", "lost", "Connection refused", 0)


async def test_a_gateway_is_ready_once_an_engine_was() -> None:
    """A gateway that never reached one does not replace one that did; a loss is a warning."""
    found: list[EngineStatus | None] = [
        None,
        EngineStatus(),
        EngineStatus(remote=(_LOST,)),
        EngineStatus(remote=(_LOST, _READY)),
        EngineStatus(remote=(_LOST,)),
    ]
    told: list[tuple[str | None, str | None]] = []

    async def status() -> EngineStatus | None:
        return found[len(told)]

    readiness = RemoteEnginesReadiness(status)
    for _ in found:
        await readiness.ask()
        told.append((readiness.not_ready_reason, readiness.warning))
    none = "no remote engine can be used: "
    nowhere = f"{none}no host of engine.remote.urls has an address"
    lost = f"{none}http://b:9100 is lost: Connection refused"
    silent = "the engine process does not answer"
    assert told == [(silent, silent), (nowhere, nowhere), (lost, lost), (None, None), (None, lost)]


def test_gauges_count_engines_and_attempts() -> None:
    """Each state and outcome has its series, those without engines included."""
    set_gauges(EngineStatus(remote=(_READY, _READY, _LOST), attempts={"done": 7, "full": 2}))

    def value(name: str, label: str, of: str) -> float | None:
        return metrics.REGISTRY.get_sample_value(f"slimgate_remote_{name}", {label: of})

    states = [value("engines", "state", each) for each in ("ready", "lost", "refused")]
    outcomes = [value("engine_attempts", "outcome", each) for each in ("done", "full", "wrong")]
    assert (states, outcomes) == ([2, 1, 0], [7, 2, 0])
