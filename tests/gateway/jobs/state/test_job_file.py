"""What a job is about, as it stands in the store."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from slimgate.config import Policies, Policy
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.state.job_file import (
    JOB_FILE,
    PLAN_FILE,
    Digests,
    JobFile,
    NoJob,
    PlanFile,
    Source,
    read_job,
    read_plan,
)
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.messages import Request
from tests.memory_store.store import MemoryStore

_POLICY: Final = Policy(name="p", bucket="photos-*", mode="optimize")
_PLAN: Final = PlanFile(
    bucket="photos-1",
    prefix="",
    source=Source(kind="list"),
    selection="policies",
    keys_per_shard=1000,
    created=datetime(2026, 1, 1, tzinfo=UTC),
    digests=Digests.of(Policies((_POLICY,)), "photos-1"),
)
_JOB: Final = JobFile(**dict(_PLAN), shards=2, rows=1500, bytes=5, skipped={"folder": 1})


@pytest.fixture
async def store() -> JobStore:
    """Return the prefix of a job that is not planned yet."""
    client = MemoryStore().client()
    async with client.send(Request("PUT", Target("jobs", "", ""))):
        pass
    return JobStore(client, Place("jobs", "j1"))


async def test_files_return_as_written(store: JobStore) -> None:
    """Both files return; a plan without a job is not complete."""
    with pytest.raises(NoJob, match="there is no job at s3://jobs/j1"):
        await read_job(store)
    await store.create(PLAN_FILE, _PLAN.dumps())
    with pytest.raises(NoJob, match="incomplete"):
        await read_job(store)
    await store.create(JOB_FILE, _JOB.dumps())
    assert (await read_plan(store), await read_job(store)) == (_PLAN, _JOB)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"format":2}', _PLAN.dumps(), b"[" * 100_000])
async def test_damaged_files_are_refused(store: JobStore, data: bytes) -> None:
    """What is not a job is not run."""
    await store.create(JOB_FILE, data)
    with pytest.raises(NoJob, match=r"job\.json is damaged"):
        await read_job(store)


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"name": "q"}, True),
        ({"min_saving": 0.5}, True),
        ({"restorer": "lanczos"}, True),
        ({}, False),
    ],
)
def test_digests_name_what_decides_bytes(changes: dict[str, Any], *, differs: bool) -> None:
    """Another policy or restorer is another digest; policies of other buckets do not count."""
    settings = {"name": "p", "bucket": "photos-*", "mode": "optimize", **changes}
    other = Policy(name="other", bucket="scans", mode="optimize", min_saving=0.3)
    digests = Digests.of(Policies((other, Policy(**settings))), "photos-1")
    expected = ["policies"] if differs else []
    if "restorer" in changes:
        expected.append("restorers")
    assert _PLAN.digests.differing(digests) == expected


def test_plans_are_compared_without_their_time() -> None:
    """Settings that differ are named."""
    later = datetime(2026, 2, 1, tzinfo=UTC)
    same = _PLAN.model_copy(update={"created": later})
    assert _PLAN.differing(same) == []
    assert _PLAN.differing(same.model_copy(update={"prefix": "a", "versions": True})) == [
        "prefix",
        "versions",
    ]
