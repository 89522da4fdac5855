"""Reads of objects in the store in memory, with workers that restore at once."""

from typing import Final

import pytest

from slimgate.config import Policies
from slimgate.gateway.cache.memory import MemoryCache
from slimgate.gateway.handlers.get import Get
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.restore.read import Reads
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import key_target
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import InstantWorkers, manifest

_FILE: Final = b"0123456789"
_ETAG: Final = "a" * 32


class _Reader:
    """A gateway that reads.

    Args:
        gateway: With its store.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.workers, storage = InstantWorkers(_FILE), gateway.storage
        self.gateway = gateway
        parts = Reads(
            compute=Compute(self.workers, MemoryCache(1 << 20, 60.0)),
            buffers=ByteBudget(1 << 20),
            index=storage.index,
            seals=storage.seals,
            completing=storage.completing,
        )
        self._handler = Get(parts, gateway.plain, Policies(()))

    async def read(self, method: str = "GET", key: str = "managed", **said: str) -> Answer:
        """Read an object; underscores in the names of headers are dashes."""
        about = {name.replace("_", "-"): value for name, value in said.items()}
        call, writer = self.gateway.call(method, key_target(BUCKET, key), "", about)
        return answered(await self._handler(call), writer)


@pytest.fixture
async def reader() -> _Reader:
    """Make a gateway, and a bucket with one managed and one plain object."""
    gateway = Gateway()
    await gateway.store_managed("managed", manifest(len(_FILE), _ETAG))
    await gateway.store("plain", b"text", {"Content-Type": "text/plain"})
    gateway.memory.requests.clear()
    return _Reader(gateway)


async def test_a_managed_object_is_restored(reader: _Reader) -> None:
    """GET returns the file with its own type, ETag and size, and no manifest."""
    answer = await reader.read()
    assert (answer.status, answer.body) == (200, _FILE)
    assert answer.headers["ETag"] == f'"{_ETAG}"'
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Length"] == str(len(_FILE))
    assert "x-amz-meta-slimgate" not in answer.headers


async def test_a_file_is_restored_once(reader: _Reader) -> None:
    """The second GET asks the store who may read, and takes the file from the cache."""
    assert [(await reader.read()).body for _ in range(2)] == [_FILE, _FILE]
    assert reader.workers.restored == 1
    assert [each.method for each in reader.gateway.memory.requests] == ["GET", "HEAD"]


async def test_head_restores_nothing(reader: _Reader) -> None:
    """HEAD says what GET would, without a body."""
    answer = await reader.read("HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(_FILE))
    assert reader.workers.restored == 0


async def test_ranges_are_of_the_file(reader: _Reader) -> None:
    """A range counts bytes of the restored file."""
    answer = await reader.read(Range="bytes=2-4")
    assert (answer.status, answer.body) == (206, b"234")
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    with pytest.raises(S3Error, match="InvalidRange"):
        await reader.read(Range="bytes=10-")


async def test_conditions_are_about_the_file(reader: _Reader) -> None:
    """The ETag of the upload is the one that conditions name; that of the rendition is none."""
    assert (await reader.read(If_None_Match=f'"{_ETAG}"')).status == 304
    assert (await reader.read(If_Match=f'"{_ETAG}"')).body == _FILE
    with pytest.raises(S3Error, match="PreconditionFailed"):
        await reader.read(If_Match='"' + "b" * 32 + '"')


async def test_plain_objects_are_the_stores(reader: _Reader) -> None:
    """A plain object is streamed with the headers of the store, by one request."""
    answer = await reader.read(key="plain")
    assert (answer.status, answer.body) == (200, b"text")
    assert answer.headers["Content-Type"] == "text/plain"
    assert [each.method for each in reader.gateway.memory.requests] == ["GET"]


async def test_what_is_stored_can_be_asked_for(reader: _Reader) -> None:
    """A request for the rendition gets it, with its manifest."""
    answer = await reader.read(x_slimgate_raw="stored")
    assert answer.body == b"rendition"
    assert "x-amz-meta-slimgate" in answer.headers


async def test_a_broken_manifest_is_an_error(reader: _Reader) -> None:
    """The rendition never passes for the object."""
    await reader.gateway.store("broken", b"rendition", {"x-amz-meta-slimgate": "{"})
    with pytest.raises(S3Error, match="InternalError"):
        await reader.read(key="broken")


async def test_errors_of_the_store_are_passed_on(reader: _Reader) -> None:
    """What is not there is the store's 404."""
    answer = await reader.read(key="none")
    assert (answer.status, b"NoSuchKey" in answer.body) == (404, True)
