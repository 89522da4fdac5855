"""Last-Modified of an object whose rendition a job has stored: that of the upload, everywhere."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final

import pytest

from slimgate.codec.manifest import Output, Stored
from slimgate.config import Policies
from slimgate.gateway.cache.memory import MemoryCache
from slimgate.gateway.handlers.attributes import GetAttributes
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.handlers.copy import Copy
from slimgate.gateway.handlers.get import Get
from slimgate.gateway.handlers.list import ListObjects
from slimgate.gateway.handlers.listed_views import ListedViews
from slimgate.gateway.handlers.plain_copy import PlainCopy
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.jobs.drain import Drainer
from slimgate.gateway.jobs.optimize import Optimizer
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.restore.read import Reads
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target, key_target
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import IMAGE, InstantWorkers
from tests.memory_store.buckets import Version

_UPLOADED: Final = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
_DATE: Final = format_datetime(_UPLOADED, usegmt=True)
_LISTED: Final = "2020-02-03T04:05:06.000Z"
_EARLIER: Final = format_datetime(_UPLOADED - timedelta(seconds=1), usegmt=True)
_LATER: Final = format_datetime(_UPLOADED + timedelta(days=1), usegmt=True)
_DAYS: Final = timedelta(days=2)
_RECODED: Final = Stored(tier="recode", codec="avif", quality=50, scale=1, restorer=None)
_OUTPUT: Final = Output(format="PNG", mode="RGB", quality=9, subsampling=None, progressive=False)


@dataclass
class _Shop:
    """A gateway, and a job on its store, which holds the image ``k``."""

    gateway: Gateway
    workers: InstantWorkers

    def __post_init__(self) -> None:
        gateway, storage = self.gateway, self.gateway.storage
        compute = Compute(self.workers, MemoryCache(1 << 20, 60.0))
        budget = ByteBudget(1 << 20)
        reads = Reads(compute, budget, storage.index, storage.seals, storage.completing)
        plain_copy = PlainCopy(*gateway.writing(self.workers))
        client = gateway.memory.client()
        self.tools = Tools(gateway.policies, client, storage.seals, self.workers, 1)
        self._get = Get(reads, gateway.plain, Policies(()))
        self._attributes = GetAttributes(storage, gateway.plain)
        self._copy = Copy(storage, reads, plain_copy, gateway.plain)
        listed = ListedViews(gateway.policies, storage, asyncio.Semaphore(4))
        self._list = ListObjects(listed, gateway.plain)

    async def optimize(self, listed: datetime | None = None) -> None:
        """Store the rendition of the image, which was listed with this time."""
        row = Row("k", len(IMAGE), modified=listed)
        assert (await Optimizer(self.tools, BUCKET)(row)).verdict == "made small"

    async def call(
        self,
        handler: Callable[[Call], Awaitable[Any]],
        method: str,
        target: Target,
        text: str = "",
        **said: str,
    ) -> Answer:
        """Call a handler; underscores in the names of headers are dashes."""
        about = {name.replace("_", "-"): value for name, value in said.items()}
        call, writer = self.gateway.call(method, target, text, about)
        return answered(await handler(call), writer)

    async def read(
        self, method: str = "GET", text: str = "", key: str = "k", **said: str
    ) -> Answer:
        """Read an object."""
        return await self.call(self._get, method, key_target(BUCKET, key), text, **said)

    async def attributes(self) -> Answer:
        """Read the attributes of the image."""
        wanted = {"x-amz-object-attributes": "ObjectSize"}
        return await self.call(
            self._attributes, "GET", key_target(BUCKET, "k"), "attributes", **wanted
        )

    async def listed(self, text: str = "") -> dict[str, str]:
        """Return the times in a listing by key, those of old versions by version."""
        page = (await self.call(self._list, "GET", Target(BUCKET, "", ""), text)).body
        times = {}
        for entry in s3xml.parse(page):
            if s3xml.name(entry) in {"Contents", "Version"}:
                latest = s3xml.text(entry, "IsLatest") != "false"
                name = s3xml.text(entry, "Key" if latest else "VersionId")
                times[name] = s3xml.text(entry, "LastModified")
        return times

    async def copy(self, key: str, **said: str) -> str:
        """Copy the image through the gateway; return the time in the result."""
        said[headers.COPY_SOURCE.replace("-", "_")] = f"/{BUCKET}/k"
        answer = await self.call(self._copy, "PUT", key_target(BUCKET, key), **said)
        return s3xml.text(s3xml.parse(answer.body), "LastModified")

    def stored(self, key: str = "k") -> Version:
        """Return an object as the store has it."""
        return self.gateway.memory.buckets[BUCKET].find(key, None)


@pytest.fixture
async def shop() -> _Shop:
    """Store an image, long ago."""
    made = _Shop(Gateway(), InstantWorkers())
    await made.gateway.store("k", IMAGE, {"x-amz-meta-mtime": "1.5"})
    made.stored().modified = _UPLOADED
    return made


@pytest.fixture
async def optimized(shop: _Shop) -> _Shop:
    """Store an image long ago, and its rendition now."""
    await shop.optimize()
    assert shop.stored().modified > _UPLOADED
    return shop


async def test_reads_show_the_upload(optimized: _Shop) -> None:
    """HEAD, GET, ranges, parts, 304 and attributes name one time; metadata stays."""
    answers = [
        await optimized.read("HEAD"),
        await optimized.read(),
        await optimized.read(Range="bytes=2-4"),
        await optimized.read(text="partNumber=1"),
        await optimized.read(If_None_Match="*"),
        await optimized.attributes(),
    ]
    assert [answer.status for answer in answers] == [200, 200, 206, 206, 304, 200]
    assert {answer.headers["Last-Modified"] for answer in answers} == {_DATE}
    assert answers[0].headers["x-amz-meta-mtime"] == "1.5"


@pytest.mark.parametrize("text", ["", "list-type=2", "versions"])
async def test_listings_show_the_upload(optimized: _Shop, text: str) -> None:
    """Listings name the time of HEAD, asked for or remembered."""
    optimized.gateway.sent("HEAD")
    optimized.stored().modified -= timedelta(minutes=1)  # what was just written is not remembered
    assert await optimized.listed(text) == {"k": _LISTED}
    assert len(optimized.gateway.sent("HEAD")) == 1
    assert await optimized.listed(text) == {"k": _LISTED}
    assert optimized.gateway.sent("HEAD") == []


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), -timedelta(seconds=1)])
async def test_listings_show_the_milliseconds_that_they_did(shop: _Shop, late: timedelta) -> None:
    """A time of the plan counts if HEAD shows the same second; headers have no milliseconds."""
    await shop.optimize(_UPLOADED + timedelta(milliseconds=678) + late)
    expected = _LISTED if late else "2020-02-03T04:05:06.678Z"
    assert await shop.listed() == {"k": expected}
    assert (await shop.read("HEAD")).headers["Last-Modified"] == _DATE
    assert (await shop.read(If_Modified_Since=_DATE)).status == 304
    assert await _status(shop.read(If_Unmodified_Since=_DATE)) == 200


async def test_old_versions_show_the_upload(shop: _Shop) -> None:
    """A version that was overwritten keeps the time of its upload."""
    bucket = shop.gateway.memory.buckets[BUCKET]
    bucket.is_versioned = True
    await shop.optimize()
    version = shop.stored().version_id
    await shop.gateway.store("k", b"theirs")
    listed = await shop.listed("versions")
    assert (listed[version], listed["null"]) == (_LISTED, _LISTED)
    answer = await shop.read(text=f"versionId={version}")
    assert answer.headers["Last-Modified"] == _DATE


@pytest.mark.parametrize(
    ("name", "date", "status"),
    [
        ("If_Modified_Since", _EARLIER, 200),
        ("If_Modified_Since", _DATE, 304),
        ("If_Modified_Since", _LATER, 304),
        ("If_Unmodified_Since", _EARLIER, 412),
        ("If_Unmodified_Since", _DATE, 200),
        ("If_Unmodified_Since", _LATER, 200),
    ],
)
async def test_dates_are_compared_with_the_upload(
    optimized: _Shop, name: str, date: str, status: int
) -> None:
    """Reads and copies heed dates by the time that they show."""
    assert await _status(optimized.read("GET", **{name: date})) == status
    assert await _status(optimized.read("HEAD", **{name: date})) == status
    copying = optimized.copy("copy", **{f"x_amz_copy_source_{name}": date})
    assert await _status(copying) == (200 if status == 200 else 412)


async def _status(work: Awaitable[Answer | str]) -> int:
    try:
        answer = await work
    except S3Error as error:
        return error.status
    return answer.status if isinstance(answer, Answer) else 200


async def test_parts_of_two_files_are_not_mixed(optimized: _Shop) -> None:
    """Whoever reads on by the date of the upload gets no part of other bytes, for a day."""
    resumed = {"Range": "bytes=2-4", "If_Unmodified_Since": _DATE}
    assert await _status(optimized.read(**resumed)) == 206
    _edit(optimized, {"stored": _RECODED, "output": _OUTPUT})
    assert await _status(optimized.read(**resumed)) == 412
    assert await _status(optimized.read(text="partNumber=1", If_Unmodified_Since=_DATE)) == 412
    part = {"x_amz_copy_source_range": "bytes=0-4"}
    copying = optimized.copy("k", x_amz_copy_source_if_unmodified_since=_DATE, **part)
    assert await _status(copying) == 412
    assert (await optimized.read(Range="bytes=2-4", If_Range=_DATE)).status == 200
    optimized.stored().modified -= _DAYS
    assert await _status(optimized.read(**resumed)) == 206


def _edit(shop: _Shop, update: Mapping[str, object]) -> None:
    """Change the manifest of the image."""
    seals, about = shop.gateway.storage.seals, shop.stored().headers
    manifest = seals.read(about[headers.MANIFEST])
    about[headers.MANIFEST] = seals.write(manifest.model_copy(update=update))


def _age(shop: _Shop, age: timedelta) -> None:
    """Let the job have run earlier than it did."""
    shop.stored().modified -= age
    uploaded = shop.gateway.storage.seals.read(shop.stored().headers[headers.MANIFEST]).uploaded
    assert uploaded is not None
    until = uploaded.until - int(age.total_seconds())
    _edit(shop, {"uploaded": uploaded.model_copy(update={"until": until})})


@pytest.mark.parametrize("said", [{}, {"x_amz_metadata_directive": "REPLACE"}])
@pytest.mark.parametrize("key", ["copy", "k"])
async def test_a_copy_has_a_time_of_its_own(
    optimized: _Shop, key: str, said: dict[str, str]
) -> None:
    """A copy is a new object, in the result as in HEAD and listings, also onto itself."""
    _age(optimized, timedelta(hours=1))
    told = await optimized.copy(key, **said)
    copied = optimized.stored(key).modified
    assert told == f"{copied:%Y-%m-%dT%H:%M:%S}.000Z"
    assert parsedate_to_datetime((await optimized.read(key=key)).headers["Last-Modified"]) == copied
    assert (await optimized.listed())[key] == told


@pytest.mark.parametrize("key", ["copy", "k"])
async def test_a_copy_by_the_store_has_a_time_of_its_own(optimized: _Shop, key: str) -> None:
    """The manifest of a copy that was made without a gateway is known to be another object's."""
    _age(optimized, timedelta(hours=1))
    about = dict(optimized.stored().headers)
    await optimized.gateway.store(key, optimized.stored().data, about)
    shown = (await optimized.read("HEAD", key=key)).headers["Last-Modified"]
    assert parsedate_to_datetime(shown) == optimized.stored(key).modified


async def test_a_new_upload_has_its_own_time(optimized: _Shop) -> None:
    """What is uploaded over a rendition shows when."""
    await optimized.gateway.store("k", b"theirs")
    shown = (await optimized.read()).headers["Last-Modified"]
    assert parsedate_to_datetime(shown) == optimized.stored().modified


async def test_a_drained_object_is_as_new_as_the_store_says(optimized: _Shop) -> None:
    """A plain object has no place for another time; optimized again, it keeps that one."""
    await Drainer(optimized.tools, BUCKET)(Row("k", 1))
    drained = optimized.stored().modified
    optimized.stored().modified = drained - _DAYS
    await optimized.optimize()
    shown = (await optimized.read()).headers["Last-Modified"]
    assert parsedate_to_datetime(shown) == drained - _DAYS


async def test_manifests_without_a_time_are_shown_as_the_store_does(shop: _Shop) -> None:
    """Objects of earlier versions have the time of their rendition."""
    await shop.optimize()
    _edit(shop, {"uploaded": None})
    stored = shop.stored().modified
    assert parsedate_to_datetime((await shop.read()).headers["Last-Modified"]) == stored
    assert await shop.listed() == {"k": f"{stored:%Y-%m-%dT%H:%M:%S}.000Z"}
