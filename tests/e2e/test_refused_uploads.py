"""Large uploads that are tried in vain cost downloads nothing but time."""

from pathlib import Path

from bench.refused import Plan, run
from tests.servers.server import S3Server


def test_refused_uploads_leave_no_memory_behind(moto: S3Server, tmp_path: Path) -> None:
    """Objects restore in the process that has just refused a larger upload for want of memory."""
    plan = Plan(
        gets=6,
        connections=1,
        healthy=((12, 1), (1, 1)),
        uploads=(15,),
        engine={"workers": 1, "worker_memory": "512MiB"},
    )
    report = run(moto, tmp_path, plan)
    assert report.tiers == ["12 MP recode", "1 MP recode"]
    assert report.reasons.total() > 1, report.text()
    assert report.faults == [], report.text()
