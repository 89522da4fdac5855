"""Permission to read that counts for a while."""

import asyncio
from dataclasses import replace
from typing import Final

import pytest
from aiohttp import web

from slimgate.config import Policies
from slimgate.gateway.cache.followed import FollowedCache
from slimgate.gateway.cache.memory import MemoryCache
from slimgate.gateway.handlers.cache_invalidation import CacheInvalidation, changed_key
from slimgate.gateway.handlers.get import Get
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.restore.read import Reads
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.s3.sigv4 import Verified
from slimgate.gateway.storage.authorizations import Authorizations
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import InstantWorkers, manifest

_FILE: Final = b"0123456789"
_KEY: Final = key_target(BUCKET, "managed")
_TTL_S: Final = 10.0


class _Scene:
    """A gateway that remembers who may read, and its one managed object."""

    def __init__(self, ttl_s: float = _TTL_S) -> None:
        self.gateway, self.now = Gateway(), 0.0
        self.granted = Authorizations(ttl_s, lambda: self.now)
        self.cache = FollowedCache(MemoryCache(1 << 20, 3600.0), self.granted.forget)
        storage = self.gateway.storage
        self._handler = Get(
            Reads(
                compute=Compute(InstantWorkers(_FILE), self.cache),
                buffers=ByteBudget(1 << 20),
                index=storage.index,
                seals=storage.seals,
                completing=storage.completing,
                authorizations=self.granted,
            ),
            self.gateway.plain,
            Policies(()),
        )

    async def begin(self) -> None:
        """Store the object, and read it until its permission is known."""
        await self.gateway.store_managed("managed", manifest(len(_FILE), "a" * 32))
        for _ in range(2):
            await self.read()
        self.gateway.memory.requests.clear()

    async def read(
        self, method: str = "GET", text: str = "", caller: str = "key", **said: str
    ) -> Answer:
        """Read the object as a caller."""
        about = {name.replace("_", "-"): value for name, value in said.items()}
        call, writer = self.gateway.call(method, _KEY, text, about)
        call = replace(call, verified=Verified(caller, "UNSIGNED-PAYLOAD", False, None))
        return answered(await self._handler(call), writer)

    async def write(self, method: str, target: Target = _KEY, text: str = "") -> None:
        """Send a request that may change objects, as the gateway does for its clients."""
        call, _ = self.gateway.call(method, target, text)
        invalidation = CacheInvalidation(
            self.cache, target.bucket, changed_key(call), whole=not target.key
        )
        await invalidation.after(self.gateway.plain(call))

    @property
    def asked(self) -> list[str]:
        """Return the methods of all requests to the store."""
        return [each.method for each in self.gateway.memory.requests]


@pytest.fixture
async def scene() -> _Scene:
    """Make a gateway that knows that its client may read."""
    made = _Scene()
    await made.begin()
    return made


async def test_permission_counts_for_its_time(scene: _Scene) -> None:
    """Within the time the file is served without a request to the store, then with one."""
    scene.now = _TTL_S - 1
    answer = await scene.read()
    assert (answer.status, answer.body, answer.headers["x-slimgate-cache"]) == (200, _FILE, "hit")
    assert (await scene.read(Range="bytes=2-3")).body == b"23"
    assert scene.asked == []
    scene.now = _TTL_S + 1
    assert (await scene.read()).body == _FILE
    assert scene.asked == ["HEAD"]


async def test_the_answer_is_that_of_a_request(scene: _Scene) -> None:
    """Remembered headers are those of a fresh answer."""
    remembered = await scene.read()
    scene.granted.forget(BUCKET, [""])
    asked = await scene.read()
    assert scene.asked == ["HEAD"]
    fresh = {name: value for name, value in asked.headers.items() if name != "Date"}
    assert {name: value for name, value in remembered.headers.items() if name != "Date"} == fresh


async def test_the_store_is_always_asked_by_default() -> None:
    """Without a time for permissions, each read has its request."""
    scene = _Scene(0.0)
    await scene.begin()
    await scene.read()
    await scene.read()
    assert scene.asked == ["HEAD", "HEAD"]


@pytest.mark.parametrize(
    ("method", "text", "caller", "header"),
    [
        ("HEAD", "", "key", ""),
        ("GET", "", "other", ""),
        ("GET", "versionId=null", "key", ""),
        ("GET", "response-content-type=text%2Fhtml", "key", ""),
        ("GET", "", "key", "Referer"),
        ("GET", "", "key", "Origin"),
        ("GET", "", "key", "x_amz_request_payer"),
    ],
)
async def test_permission_is_for_one_caller_and_request(
    scene: _Scene, method: str, text: str, caller: str, header: str
) -> None:
    """Whatever a policy of the store may depend on is asked about by itself."""
    await scene.read(method, text, caller, **({header: "requester"} if header else {}))
    assert scene.asked == ["HEAD"]


async def test_attempts_of_one_client_share_permission(scene: _Scene) -> None:
    """What SDKs and tracers add to each attempt does not matter."""
    await scene.read(amz_sdk_invocation_id="1", traceparent="00-1", Range="bytes=0-1")
    assert scene.asked == []


@pytest.mark.parametrize(
    ("method", "target", "text"),
    [
        ("DELETE", _KEY, ""),
        ("PUT", _KEY, "acl"),
        ("PUT", Target(BUCKET, "", ""), ""),
    ],
)
async def test_writes_end_permission(scene: _Scene, method: str, target: Target, text: str) -> None:
    """A request that may change the object or who may read it ends permission at once."""
    await scene.write(method, target, text)
    scene.gateway.memory.requests.clear()
    await scene.read()
    assert scene.asked[0] in {"GET", "HEAD"}


async def test_a_refused_write_ends_nothing(scene: _Scene) -> None:
    """Strangers cannot make the gateway ask."""
    scene.gateway.memory.faults["DELETE", "managed"] = [403]
    await scene.write("DELETE")
    scene.gateway.memory.requests.clear()
    await scene.read()
    assert scene.asked == []


async def test_a_write_in_doubt_ends_permission(scene: _Scene) -> None:
    """The store may have applied what it answers with an error of its own; the file stays."""
    scene.gateway.memory.faults["DELETE", "managed"] = [503]
    await scene.write("DELETE")
    scene.gateway.memory.requests.clear()
    assert (await scene.read()).headers["x-slimgate-cache"] == "hit"
    assert scene.asked == ["HEAD"]


async def test_a_write_whose_client_is_gone_ends_permission(scene: _Scene) -> None:
    """The store may have applied it before the client disconnected."""
    begun = asyncio.Event()

    async def forward() -> web.StreamResponse:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    invalidation = CacheInvalidation(scene.cache, BUCKET, "managed")
    writing = asyncio.create_task(invalidation.after(forward()))
    await begun.wait()
    writing.cancel()
    await asyncio.wait([writing])
    assert (await scene.read()).headers["x-slimgate-cache"] == "hit"
    assert scene.asked == ["HEAD"]


async def test_an_answer_that_a_write_has_overtaken_does_not_count(scene: _Scene) -> None:
    """The store answered before the write, and the answer arrives after it."""
    (known,) = scene.granted._objects.values()
    ((asked, granted),) = known.answers.items()
    writes = scene.granted.writes(asked)
    scene.granted.forget(BUCKET, ["managed"])
    scene.granted.note(asked, granted.found, granted.headers, writes)
    assert scene.granted.get(asked) is None


async def test_a_file_that_is_not_cached_is_asked_for(scene: _Scene) -> None:
    """Permission alone does not read a rendition."""
    (known,) = scene.granted._objects.values()
    ((asked, granted),) = known.answers.items()
    await scene.cache.drop(BUCKET, ["managed"])
    scene.granted.note(asked, granted.found, granted.headers, scene.granted.writes(asked))
    assert (await scene.read()).body == _FILE
    assert scene.asked[0] == "HEAD"


async def test_readers_of_an_object_are_bounded(scene: _Scene) -> None:
    """Requests that differ do not fill the memory, however long they are."""
    for number in range(100):
        await scene.read(Referer=f"{number} {'x' * 10_000}")
    (known,) = scene.granted._objects.values()
    assert len(known.answers) == 32
    assert len({id(granted.headers) for granted in known.answers.values()}) == 1
    assert all(len(repr(asked)) < 1000 for asked in known.answers)
