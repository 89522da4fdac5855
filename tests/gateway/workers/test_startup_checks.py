import asyncio

import pytest
from structlog.testing import capture_logs

from slimgate.codec.golden import Golden
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers import startup_checks


async def _store_answers() -> str | None:
    return None


async def test_what_is_well_is_said_once() -> None:
    """If all checks pass, one line is logged, and golden objects are counted."""
    with capture_logs() as lines:
        await startup_checks.log_startup_checks(_store_answers)
    assert [line["event"] for line in lines] == ["startup checks passed"]
    assert lines[0]["golden_objects"] == metrics.GOLDEN_OBJECTS.labels("same")._value.get() > 0


async def test_objects_that_restore_otherwise_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes by encoders and decoders are named, counted and explained."""
    outcomes = iter(["changed", "failed"])
    monkeypatch.setattr(Golden, "outcome", lambda *_: next(outcomes, "same"))
    with capture_logs() as lines:
        await startup_checks.log_startup_checks(_store_answers)
    assert [line["event"] for line in lines] == ["golden object mismatch"] * 2
    assert len({name for line in lines for name in line["objects"]}) == 2
    assert metrics.GOLDEN_OBJECTS.labels("changed")._value.get() == 1
    assert metrics.GOLDEN_OBJECTS.labels("failed")._value.get() == 1


@pytest.mark.parametrize("silent", [True, False])
async def test_a_store_that_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, *, silent: bool
) -> None:
    """The log reports that the gateway is not ready, with the reason."""
    monkeypatch.setattr(startup_checks, "_STORE_TIMEOUT_S", 0.01)

    async def not_ready_reason() -> str | None:
        if silent:
            await asyncio.Event().wait()
        return "nobody is there"

    with capture_logs() as lines:
        await startup_checks.log_startup_checks(not_ready_reason)
    expected = "has not answered within" if silent else "nobody is there"
    assert expected in {line["event"]: line for line in lines}["not ready"]["reason"]
