"""Evaluation as a job: the same figures as those of `slimgate eval`, and its report."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from multidict import CIMultiDict

from slimgate.config import Engine, Policies, Policy
from slimgate.config import Manifests as ManifestSettings
from slimgate.eval.compare import rows
from slimgate.eval.compare.image_strategies import LATER
from slimgate.eval.compare.strategies import STRATEGIES
from slimgate.eval.cost import money_prices
from slimgate.eval.report import terminal
from slimgate.eval.run import work
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.evaluation import report
from slimgate.gateway.jobs.evaluation import work as evaluation
from slimgate.gateway.jobs.evaluation.megapixels import Megapixels
from slimgate.gateway.jobs.evaluation.policy import policy_of
from slimgate.gateway.jobs.evaluation.report import Form
from slimgate.gateway.jobs.opened_job import Job, open_job
from slimgate.gateway.jobs.pacing.concurrency import Concurrency
from slimgate.gateway.jobs.resources import Tools, UsageError
from slimgate.gateway.jobs.shard_runner import ShardRunner
from slimgate.gateway.jobs.state.job_file import JOB_FILE, Digests, JobFile, Source
from slimgate.gateway.jobs.state.leases import Leases
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.jobs.terms import Terms
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.object_client import ObjectClient
from tests.e2e import images
from tests.gateway.instant_workers import InstantWorkers
from tests.gateway.jobs.jobs import planned
from tests.memory_store.store import MemoryStore

_BUCKET: Final = "photos"
_POLICY: Final = Policy(
    name="p", bucket=_BUCKET, prefix="a/", mode="optimize", effort="fast", tiers=("recode",),
    codecs=("webp",),
)  # fmt: skip
_IMAGE: Final = images.jpeg(96, 64)
_OBJECTS: Final = {
    "a/cats/1.jpg": _IMAGE,
    "a/cats/torn.jpg": _IMAGE[:200],
    "a/text.txt": b"text",
    "b/2.jpg": _IMAGE,
}


async def _filled() -> ObjectClient:
    client = MemoryStore().client()
    for bucket in (_BUCKET, "jobs"):
        await _send(client, Request("PUT", Target(bucket, "", "")))
    for key, data in _OBJECTS.items():
        await _send(client, _put(key, data))
    return client


def _put(key: str, data: bytes, more: Mapping[str, str] | None = None) -> Request:
    about = CIMultiDict(more or {})
    return Request("PUT", key_target(_BUCKET, key), "", about, data, len(data))


async def _send(client: ObjectClient, request: Request) -> None:
    async with client.send(request) as response:
        assert response.status == 200


async def _job(client: ObjectClient) -> Job:
    await JobStore(client, Place("jobs", "j1")).create(JOB_FILE, _file(_OBJECTS).dumps())
    return await open_job(client, Place("jobs", "j1"))


def _file(objects: Mapping[str, bytes]) -> JobFile:
    return JobFile(
        bucket=_BUCKET, prefix="a/", source=Source(kind="list"), selection="policies",
        keys_per_shard=10, created=datetime(2030, 1, 1, tzinfo=UTC),
        digests=Digests(policies="p", restorers="r", packages="k"), shards=1, rows=len(objects),
        bytes=sum(map(len, objects.values())), skipped={},
    )  # fmt: skip


@pytest.mark.slow  # 5 s: processes start, and measure a small image with every strategy
async def test_an_evaluation(tmp_path: Path) -> None:
    """Images are measured as `slimgate eval` does, and the report is made from the shards."""
    client = await _filled()
    tools = Tools(Policies((_POLICY,)), client, Seals(ManifestSettings()), InstantWorkers(), 1)
    job = await _job(client)
    part = await planned(job.store, [Row(key, len(data)) for key, data in _OBJECTS.items()])
    async with evaluation.opened(tools, _BUCKET, _POLICY, Engine()) as evaluator:
        folder = evaluator.folder
        terms = Terms(Concurrency(2))
        totals = await ShardRunner(part, evaluator, Leases(part.state, "first", 60), terms).run(0)
        assert [path.name for path in folder.rglob("*")] == [work.RENDITIONS]
    assert {name: each.objects for name, each in totals.sums.items()} == {
        "measured": 1, "not measured": 1, "skipped": 2,
    }  # fmt: skip
    assert not folder.exists()
    form = Form(tmp_path / "report", False, money_prices.load(), False)
    study, summed = await report.write(job, [part], _POLICY, form)
    assert (summed.images, summed.uploaded, len(summed.unmeasured)) == (1, len(_IMAGE), 1)
    assert (form.folder / "report.html").exists()
    assert "CPU-seconds, peak memory" in "\n".join(terminal.lines(study, summed))
    assert rows.load(form.folder).rows == study.rows
    found = [each for each in study.rows if each.image == "cats/1.jpg"]
    assert {each.strategy for each in found} == {each.name for each in STRATEGIES} - LATER
    assert {(each.kind, each.uploaded) for each in found} == {("cats", len(_IMAGE))}
    assert found[0].holds
    other = _POLICY.model_copy(update={"min_saving": 0.5})
    with pytest.raises(UsageError, match="measured under another policy"):
        await report.write(job, [part], other, form)


async def test_pixels_in_progress_are_bounded() -> None:
    """Images wait for room; one that is larger than all of it is alone."""
    room, running = Megapixels(10), list[float]()

    async def measure(megapixels: float) -> None:
        async with room.taken(megapixels):
            running.append(megapixels)
            assert len(running) == 1 or sum(running) <= 10
            for _ in range(3):
                await asyncio.sleep(0)
            running.remove(megapixels)

    await asyncio.gather(*map(measure, (4, 4, 4, 30, 6, 1, 10, 5)))
    assert running == []


def test_the_policy_of_an_evaluation() -> None:
    """It is the one for the prefix of the job, or the named one; others are refused."""
    policies = Policies((_POLICY, Policy(name="q", bucket="scans", mode="optimize")))
    assert policy_of(policies, _BUCKET, "a/x", None) == _POLICY
    assert policy_of(policies, _BUCKET, "", "q").name == "q"
    for prefix, name in (("", None), ("a/", "r")):
        with pytest.raises(UsageError, match="with --policy: p, q"):
            policy_of(policies, _BUCKET, prefix, name)
