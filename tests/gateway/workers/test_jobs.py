"""Tests of the jobs of worker processes."""

from typing import Any

import pytest

from slimgate.codec.image import memory
from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.workers import jobs
from slimgate.gateway.workers.job_values import OptimizeJob
from tests.codec.pictures import crop, policy, save


@pytest.mark.parametrize(
    ("error", "reason"), [(MemoryError(), Reason.MEMORY), (KeyError(7), Reason.DAMAGED)]
)
def test_headers_that_cannot_be_read_leave_the_upload_as_it_is(
    error: Exception, reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever reading the size of an image raises is a reason, not a failure of the upload."""
    monkeypatch.setattr(jobs, "pixels_of", _raising(error))
    monkeypatch.setattr(memory, "allow", lambda _: None)  # would limit this process
    monkeypatch.setattr(jobs._Process, "memory_bytes", 4 << 30, raising=False)
    data = save(crop("RGB", 40, 30), "TIFF")
    with pytest.raises(Refused) as refused:
        jobs.optimize_upload(OptimizeJob(policy(), "image/tiff", "0.1.0", frozenset(), False), data)
    assert refused.value.reason is reason


def _raising(error: Exception) -> Any:
    def fail(_: bytes) -> None:
        raise error

    return fail
