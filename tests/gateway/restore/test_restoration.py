"""Restores that several clients wait for."""

import asyncio

from slimgate.gateway.cache.memory import CacheKey, MemoryCache
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.restore.compute import Compute, File
from slimgate.gateway.restore.restoration import restored
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.workers.client_jobs import ClientJobs
from slimgate.gateway.workers.fair_shares import CLIENT, Client
from slimgate.gateway.workers.job_queue import JobQueue
from tests.gateway.instant_workers import IMAGE, RENDITION, InstantWorkers, manifest


async def test_the_limit_of_one_client_is_not_that_of_others() -> None:
    """Who has joined a restore of a client with too many jobs gets the file nevertheless."""
    queue = JobQueue(4, 4, 1.0, jobs=ClientJobs(per_identity=1))
    workers, free = InstantWorkers(), asyncio.Event()

    async def work() -> None:
        async with queue.slot(urgent=True):
            if CLIENT.get().identity == "busy":
                await free.wait()

    workers.meanwhile = work
    compute, buffers = Compute(workers, MemoryCache(1 << 20, 60)), ByteBudget(1 << 20)

    async def get(identity: str, key: str) -> File:
        CLIENT.set(Client(identity))
        cached = CacheKey("b", key, "", "e", "", "1" * 64)
        return await restored(compute, buffers, cached, RENDITION, manifest(len(IMAGE)))

    running = asyncio.create_task(get("busy", "one"))
    await asyncio.sleep(0)
    refused, *served = await asyncio.gather(
        *(get(name, "two") for name in ("busy", "patient", "other")), return_exceptions=True
    )
    free.set()
    assert isinstance(refused, S3Error)
    assert refused.code == "SlowDown"
    assert served == [await running] * 2
