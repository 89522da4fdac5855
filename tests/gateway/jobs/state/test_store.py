"""The objects of a job, in memory and on real servers, also while the store does not respond."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.errors import Changed, Denied
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.object_client import Caller, ObjectClient, UpstreamClient
from slimgate.gateway.storage.upstream import Upstream
from tests.memory_store.answers import MemoryResponse
from tests.memory_store.store import MemoryStore
from tests.servers.server import S3Server

_NO_PAUSES: Final = (0.0, 0.0)


@pytest.fixture(params=["memory", "moto", pytest.param("rgw", marks=pytest.mark.ceph)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[JobStore]:
    """Return a job's prefix in each of the stores in turn."""
    place = Place("jobs-of-tests", "j1")
    if request.param == "memory":
        yield await _with_bucket(MemoryStore().client(), place)
        return
    server: S3Server = request.getfixturevalue(request.param)
    identity = Identity(server.main.access, server.main.secret)
    async with Upstream(UpstreamSettings(endpoint=server.endpoint)) as upstream:
        found = await _with_bucket(UpstreamClient(upstream, Caller(identity)), place)
        yield found
        async for names in found.names(""):
            for name in names:
                await found.delete(name)


async def _with_bucket(client: ObjectClient, place: Place) -> JobStore:
    async with client.send(Request("PUT", Target(place.bucket, "", ""))) as response:
        assert response.status == 200
    return JobStore(client, place, _NO_PAUSES)


async def test_a_job_fits_into_these_stores(store: JobStore) -> None:
    """All of them write under conditions, and the probes leave nothing behind."""
    await store.check()
    assert [names async for names in store.names("")] == []


async def test_objects_are_created_once(store: JobStore) -> None:
    """The second writer is told; the same content is a repetition, and no conflict."""
    etag = await store.create("a", b"first")
    assert await store.create("a", b"first") == etag
    with pytest.raises(Changed):
        await store.create("a", b"second")
    found = await store.read("a")
    assert found is not None
    assert (found.data, found.etag) == (b"first", etag)
    assert [await store.exists(name) for name in ("a", "b")] == [True, False]


async def test_objects_are_replaced_by_those_who_saw_them(store: JobStore) -> None:
    """An ETag is good for one replacement."""
    first = await store.create("a", b"first")
    second = await store.replace("a", b"second", first)
    with pytest.raises(Changed):
        await store.replace("a", b"third", first)
    await store.replace("a", b"third", second)
    await store.delete("a")
    await store.delete("a")
    assert await store.read("a") is None
    with pytest.raises(Changed):
        await store.replace("a", b"fourth", second)


async def test_names_are_listed_by_folder(store: JobStore) -> None:
    """Names come without the prefix, in order, from any name on."""
    for name in ("b/2", "b/1", "c/1", "b/ä +"):
        await store.create(name, b"")
    assert [names async for names in store.names("b/")] == [["b/1", "b/2", "b/ä +"]]
    assert [names async for names in store.names("b/", after="b/1")] == [["b/2", "b/ä +"]]
    assert [names async for names in store.names("d/")] == []


async def test_requests_are_repeated() -> None:
    """A store that fails for a moment is asked again; one that goes on failing is an error."""
    memory = MemoryStore()
    store = await _with_bucket(memory.client(), Place("jobs", "j1"))
    memory.faults["PUT", "j1/a"] = [503, 500]
    await store.create("a", b"first")
    memory.faults["GET", "j1/a"] = [503, 503, 503]
    with pytest.raises(S3Error, match="ServiceUnavailable"):
        await store.read("a")
    assert await store.read("a") is not None


class _Forgetful(MemoryStore):
    """A store whose first write is done, but answered with an error."""

    lost: bool = False

    def answer(self, request: Request, user: str | None, data: bytes) -> MemoryResponse:
        """Serve a request."""
        answered = super().answer(request, user, data)
        if request.method == "PUT" and request.target.key and not self.lost:
            self.lost = True
            return MemoryResponse("PUT", 500)
        return answered


async def test_a_write_without_a_response_counts() -> None:
    """What an attempt wrote whose response was lost is recognized, not taken for another's."""
    store = await _with_bucket(_Forgetful().client(), Place("jobs", "j1"))
    await store.create("a", b"first")
    found = await store.read("a")
    assert found is not None
    assert found.data == b"first"


async def test_large_objects_are_not_read() -> None:
    """Reading is bounded."""
    store = await _with_bucket(MemoryStore().client(), Place("jobs", ""))
    await store.create("a", b"12345")
    with pytest.raises(S3Error, match="too long"):
        await store.read("a", 4)


async def test_permissions_are_needed() -> None:
    """A store that does not permit a request is not asked again; the message names the object."""
    memory = MemoryStore()
    store = await _with_bucket(memory.client(), Place("jobs", "j1"))
    stranger = replace(store, client=memory.client("stranger"))
    for act in (stranger.read("a"), stranger.create("a", b""), stranger.delete("a")):
        with pytest.raises(Denied, match="s3://jobs/j1/a cannot be"):
            await act
    with pytest.raises(Denied):
        await stranger.check()


def test_long_prefixes_are_refused() -> None:
    """Every name of a job fits into a key."""
    with pytest.raises(ValueError, match="at most 896 bytes"):
        JobStore(MemoryStore().client(), Place("jobs", "ä" * 449))
