"""Measure images as ``slimgate eval`` does; writes no objects.

The rows of an image are recorded with its outcome. Strategies that need one quality for all images
are left out: they would need a second pass over the bucket.
"""

import asyncio
import json
import tempfile
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pebble import ProcessPool

from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Engine, Policy
from slimgate.eval.compare.strategies import POLICY
from slimgate.eval.corpus.corpus import Item, is_image
from slimgate.eval.run import machine, pool, work
from slimgate.eval.run.pool import MEGAPIXELS_IN_FLIGHT, Job
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.evaluation.megapixels import Megapixels
from slimgate.gateway.jobs.outcome import Outcome
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.storage import snapshot

MEASURED = "measured"
UNMEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Measure the images of one bucket.

    Attributes:
        tools: Client of the store.
        bucket: Bucket name.
        policy: Policy to measure.
        workers: Processes that measure.
        folder: Where images and renditions are while they are measured.
        room: Pixels in progress.
    """

    tools: Tools
    bucket: str
    policy: Policy
    workers: ProcessPool
    folder: Path
    room: Megapixels

    def wants(self, row: Row) -> bool:
        """Return whether an object may be an image under the policy, by its row alone."""
        if not is_image(row.key) or not row.key.startswith(self.policy.prefix):
            return False
        return row.size is None or 0 < row.size <= self.policy.limits.max_bytes

    async def __call__(self, row: Row) -> Outcome:
        """Measure one image.

        Raises:
            Refused: It cannot be measured.
            Changed: Another client wrote to it meanwhile.
            Denied: The store does not permit it.
            S3Error: The store does not respond, or the manifest is invalid.
        """
        target = Place(self.bucket, row.key).target
        seen = await snapshot.take(self.tools.client, target, self.tools.seals)
        if seen.manifest is not None:
            return Outcome.same("already small", seen.size)
        if not 0 < seen.size <= self.policy.limits.max_bytes:
            raise Refused(Reason.SIZE)
        data = await snapshot.read(self.tools.client, seen)
        detail = await self._measured(row.key, data)
        return _outcome(detail, seen.size)

    async def _measured(self, key: str, data: bytes) -> Mapping[str, object]:
        path = self.folder / uuid.uuid4().hex
        item = Item(key.encode("utf-8", "backslashreplace").decode(), "", len(data), str(path))
        try:
            await asyncio.to_thread(path.write_bytes, data)
            job = await asyncio.to_thread(Job.of, item, local=True)
            async with self.room.taken(job.megapixels):
                future = pool.scheduled(self.workers, job)
                await asyncio.wait([asyncio.wrap_future(future)])
            result = pool.result(job, future)
        finally:
            await asyncio.to_thread(_remove, path, *work.rendition_files(self.folder, item.name))
        return {
            "rows": [json.loads(each.dumps()) for each in result.rows],
            "policy": self.policy.digest,
            "cpu_s": round(result.cpu_s, 3),
            "peak_bytes": result.peak_bytes,
            "processor": machine.machine()["processor"],
        }


@asynccontextmanager
async def opened(
    tools: Tools, bucket: str, policy: Policy, engine: Engine
) -> AsyncIterator[Evaluator]:
    """Start processes that measure images for the duration of the block.

    Args:
        tools: Client of the store, and the number of processes.
        bucket: Bucket name.
        policy: Policy to measure.
        engine: Engine of its restorer.
    """
    with tempfile.TemporaryDirectory(prefix="slimgate-eval-") as name:
        folder = Path(name)
        (folder / work.RENDITIONS).mkdir()
        plan = work.Plan(policy, engine, auto=True, folder=folder)
        with pool.pool(plan, tools.jobs) as workers:
            room = Megapixels(MEGAPIXELS_IN_FLIGHT)
            yield Evaluator(tools, bucket, policy, workers, folder, room)


def _outcome(detail: Mapping[str, object], size: int) -> Outcome:
    rows = detail["rows"]
    assert isinstance(rows, list)  # noqa: S101  # made above
    own = next(row for row in rows if row["strategy"] == POLICY)
    if own["problem"]:
        return Outcome(UNMEASURED, size, size, own["problem"], detail=detail)
    return Outcome(MEASURED, own["uploaded"], own["stored"], detail=detail)


def _remove(*paths: Path) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()
