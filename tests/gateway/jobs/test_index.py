"""The index is filled before anybody lists."""

import asyncio
from datetime import timedelta
from hashlib import md5

import pytest

from slimgate.config import Policies, Policy
from slimgate.gateway.handlers.list import ListObjects
from slimgate.gateway.handlers.listed_views import ListedViews
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.drain import Drainer
from slimgate.gateway.jobs.index import Indexer
from slimgate.gateway.jobs.optimize import Optimizer
from slimgate.gateway.jobs.plan.listed import Listing, VersionListing
from slimgate.gateway.jobs.resources import Tools, UsageError
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.jobs.verify import Verifier
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.listing_index import Known, ListedObject
from tests.gateway.handlers.calls import BUCKET, Gateway
from tests.gateway.instant_workers import IMAGE, InstantWorkers, manifest


@pytest.fixture
async def gateway() -> Gateway:
    """Make a bucket with managed, plain and empty objects, and one that no policy names."""
    named = Policy(name="p", bucket=BUCKET, prefix="photos/", mode="optimize")
    made = Gateway(policies=Policies((named,)))
    await made.store_managed("photos/managed", manifest(100_000, "a" * 32))
    await made.store("photos/plain", b"text")
    await made.store("photos/", b"")
    await made.store("texts/plain", b"text")
    for versions in made.memory.buckets[BUCKET].keys.values():
        versions[-1].modified -= timedelta(hours=1)
    return made


def _indexer(gateway: Gateway) -> Indexer:
    storage, client = gateway.storage, gateway.memory.client()
    return Indexer(client, gateway.policies, storage.seals, storage.index, BUCKET)


async def _rows(gateway: Gateway) -> list[Row]:
    listing = Listing(gateway.memory.client(), Place(BUCKET, ""))
    return [found.row async for batch in listing.batches({}) for found in batch.found]


async def test_a_filled_index_knows_everything(gateway: Gateway) -> None:
    """Listings afterwards, and a second run, ask the store for nothing."""
    rows, places = await _rows(gateway), asyncio.Semaphore(2)
    assert await _indexer(gateway).fill(rows, places) == {"managed": 1, "plain": 1}
    gateway.sent("HEAD")
    assert await _indexer(gateway).fill(rows, places) == {"known already": 2}
    listed = ListedViews(gateway.policies, gateway.storage, asyncio.Semaphore(2))
    call, _ = gateway.call("GET", Target(BUCKET, "", ""))
    await ListObjects(listed, gateway.plain)(call)
    assert gateway.sent("HEAD") == []


async def test_one_object_at_a_time(gateway: Gateway) -> None:
    """As the work of a job, it wants what may be managed, and asks once."""
    indexer = _indexer(gateway)
    wanted = [row for row in await _rows(gateway) if indexer.wants(row)]
    assert [row.key for row in wanted] == ["photos/managed", "photos/plain"]
    assert [(await indexer(row)).verdict for row in wanted] == ["managed", "plain"]
    assert [(await indexer(row)).verdict for row in wanted] == ["known already"] * 2
    bare = Row("photos/managed")
    assert indexer.wants(bare)
    assert (await indexer(bare)).verdict == "managed"


async def test_a_listing_of_versions_fills_the_index_for_all_listings() -> None:
    """Current versions are known to listings of objects, and old ones to those of versions."""
    gateway = Gateway()
    await gateway.store("k", b"")
    gateway.memory.buckets[BUCKET].is_versioned = True
    await gateway.store("k", b"old")
    await gateway.store("k", b"new")
    for age, version in enumerate(reversed(gateway.memory.buckets[BUCKET].keys["k"]), 1):
        version.modified -= timedelta(hours=age)
    source = VersionListing(gateway.memory.client(), Place(BUCKET, ""))
    rows = [found.indexed_row async for batch in source.batches({}) for found in batch.found]
    assert await _indexer(gateway).fill(rows, asyncio.Semaphore(2)) == {"plain": 2}
    gateway.sent("HEAD")
    listed = ListedViews(gateway.policies, gateway.storage, asyncio.Semaphore(2))
    for query in ("", "versions"):
        call, _ = gateway.call("GET", Target(BUCKET, "", ""), query)
        await ListObjects(listed, gateway.plain)(call)
    assert gateway.sent("HEAD") == []


async def test_what_cannot_be_seen_fails(gateway: Gateway) -> None:
    """An object that is gone or may not be read is counted; the others go on."""
    gateway.memory.faults["HEAD", "photos/plain"] = [403, 403]
    counts = await _indexer(gateway).fill(await _rows(gateway), asyncio.Semaphore(2))
    assert counts == {"managed": 1, "failed: gone, or not readable with this key": 1}
    outcome = await _indexer(gateway)(Row("photos/plain", 4, "etag"))
    assert (outcome.verdict, outcome.label) == ("failed", "denied")


async def test_jobs_fill_the_index() -> None:
    """What jobs make small, verify or drain is listed without a question."""
    gateway = Gateway()
    storage, client, workers = gateway.storage, gateway.memory.client(), InstantWorkers()
    tools = Tools(gateway.policies, client, storage.seals, workers, 1, storage.index)
    await gateway.store("k", IMAGE)
    for versions in gateway.memory.buckets[BUCKET].keys.values():
        versions[-1].modified -= timedelta(hours=1)
    indexer = Indexer.of(tools, BUCKET)
    for work, verdict in (
        (Optimizer(tools, BUCKET), "made small"),
        (Verifier(tools, BUCKET), "restores"),
        (Drainer(tools, BUCKET), "restored"),
    ):
        assert (await work(Row("k"))).verdict == verdict
        assert [(await indexer(row)).verdict for row in await _rows(gateway)] == ["known already"]


async def test_verified_old_versions_have_entries_of_their_own() -> None:
    """An old version does not take the entry of the current one."""
    gateway = Gateway()
    storage, client = gateway.storage, gateway.memory.client()
    tools = Tools(gateway.policies, client, storage.seals, InstantWorkers(), 1, storage.index)
    await gateway.store("k", b"")
    gateway.memory.buckets[BUCKET].is_versioned = True
    old = (await gateway.store("k", b"old"))["x-amz-version-id"]
    await gateway.store("k", b"new")
    versions = gateway.memory.buckets[BUCKET].keys["k"]
    for age, version in enumerate(reversed(versions), 1):
        version.modified -= timedelta(hours=age)
    verifier = Verifier(tools, BUCKET)
    for row in (Row("k"), Row("k", version=old)):
        await verifier(row)
    etags = [md5(text, usedforsecurity=False).hexdigest() for text in (b"new", b"old")]
    times = [int(version.modified.timestamp()) for version in (versions[-1], versions[-2])]
    listed = [ListedObject("k", *each) for each in zip(etags, times, (None, old), strict=True)]
    assert await storage.index.find(BUCKET, listed) == [Known(None), Known(None)]


async def test_a_job_may_have_no_index(gateway: Gateway) -> None:
    """Then there is nothing to fill."""
    client, workers = gateway.memory.client(), InstantWorkers()
    tools = Tools(gateway.policies, client, gateway.storage.seals, workers, 1)
    with pytest.raises(UsageError, match="no index"):
        Indexer.of(tools, BUCKET)
