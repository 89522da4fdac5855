"""A job on a Ray cluster, of which everything is killed once."""

from pathlib import Path

import pytest

from bench.job_faults import setting, table, work_through
from tests.servers.ray_cluster import missing
from tests.servers.server import S3Server

_OBJECTS = 160
_PER_SHARD = 10
_SCHEDULE = (
    (0.05, "fail_requests"), (0.1, "kill_between"), (0.3, "kill_node"), (0.6, "kill_driver"),
)  # fmt: skip


@pytest.mark.crash
@pytest.mark.skipif(missing(), reason="Ray is not installed")
def test_nothing_is_lost_and_nothing_done_twice(rgw: S3Server, tmp_path: Path) -> None:
    """Each object is the one rendition of its last upload, or that upload if it came later."""
    with setting(rgw, tmp_path, _OBJECTS, _PER_SHARD) as faults:
        findings = work_through(faults, _SCHEDULE, pause_s=0.5)
        told = table(faults, findings, 0)
    assert findings.wrong == {}, told
    assert findings.managed + findings.theirs == _OBJECTS
    assert findings.repeats["in flight at a kill"] <= faults.in_flight, told
