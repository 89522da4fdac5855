"""Renditions for clients that name their media type, with the store in memory."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import pytest

from slimgate.codec.manifest import Manifest
from slimgate.config import Policies, Policy
from slimgate.gateway.cache.memory import MemoryCache
from slimgate.gateway.handlers.get import Get
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.restore.read import Reads
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.telemetry import metrics
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import RENDITION, InstantWorkers, manifest

_FILE: Final = b"0123456789" * 10
_ETAG: Final = "a" * 32
_DIGEST: Final = hashlib.sha256(RENDITION).hexdigest()[:32]
_VIEW: Final = f'"{_DIGEST}-1"'
_JXL: Final = "image/jxl"


def _policies(**serve: Any) -> Policies:
    told = {"name": "p", "bucket": BUCKET, "mode": "optimize", "serve": serve}
    return Policies((Policy.model_validate(told),))


def _manifest(**changes: Any) -> Manifest:
    return manifest(len(_FILE), _ETAG).model_copy(update={"view": _DIGEST} | changes)


class _Reader:
    """A gateway that reads, and serves JPEG XL unless it is told otherwise."""

    def __init__(self, **serve: Any) -> None:
        self.gateway = Gateway(policies=_policies(**(serve or {"negotiate": ["jxl"]})))
        self.workers, storage = InstantWorkers(_FILE), self.gateway.storage
        self.cache = MemoryCache(1 << 20, 60.0)
        parts = Reads(
            compute=Compute(self.workers, self.cache),
            buffers=ByteBudget(1 << 20),
            index=storage.index,
            seals=storage.seals,
            completing=storage.completing,
        )
        self._handler = Get(parts, self.gateway.plain, self.gateway.policies)

    async def store(
        self, note: Manifest, more: Mapping[str, str] | None = None, rendition: bytes = RENDITION
    ) -> None:
        """Store a managed object."""
        about = {headers.MANIFEST: self.gateway.storage.seals.write(note), **(more or {})}
        await self.gateway.store("k", rendition, about)
        self.gateway.memory.requests.clear()

    async def read(
        self, accept: str | None = _JXL, method: str = "GET", query: str = "", **said: str
    ) -> Answer:
        """Read the object; underscores in the names of headers are dashes."""
        about = {name.replace("_", "-"): value for name, value in said.items()}
        if accept is not None:
            about["Accept"] = accept
        call, writer = self.gateway.call(method, key_target(BUCKET, "k"), query, about)
        return answered(await self._handler(call), writer)


@pytest.fixture
async def reader() -> _Reader:
    """Make a gateway, and a bucket with one managed object."""
    made = _Reader()
    await made.store(_manifest(), {"x-amz-meta-a": "b", "Cache-Control": "max-age=9"})
    return made


def _varies(answer: Answer) -> bool:
    return "Accept" in answer.headers["Vary"].split(", ")


async def test_the_rendition_is_served_under_its_own_name(reader: _Reader) -> None:
    """One request to the store brings it; type, size, ETag and digests are its own."""
    answer = await reader.read()
    assert (answer.status, answer.body) == (200, RENDITION)
    shown = {name: answer.headers.get(name) for name in ("Content-Type", "ETag", "Content-Length")}
    assert shown == {"Content-Type": _JXL, "ETag": _VIEW, "Content-Length": str(len(RENDITION))}
    assert (answer.headers["x-amz-meta-a"], answer.headers["Cache-Control"]) == ("b", "max-age=9")
    assert answer.headers["x-slimgate-negotiated"] == "jxl"
    assert _varies(answer)
    assert not any(
        name.lower().startswith(("x-amz-checksum", "x-amz-meta-slimgate", "x-slimgate-psnr"))
        for name in answer.headers
    )
    assert [each.method for each in reader.gateway.memory.requests] == ["GET"]
    assert reader.workers.restored == 0


@pytest.mark.parametrize("first", [_JXL, None])
async def test_neither_is_cached_as_the_other(reader: _Reader, first: str | None) -> None:
    """Whatever is read first, each client gets what it prefers."""
    for accept in (first, _JXL, None, _JXL, "*/*"):
        answer = await reader.read(accept)
        assert answer.body == (RENDITION if accept == _JXL else _FILE)
        assert (answer.headers["ETag"] == _VIEW) is (accept == _JXL)
        assert _varies(answer)
    assert reader.workers.restored == 1


async def test_head_shows_the_one_view(reader: _Reader) -> None:
    """HEAD with the same Accept is about the restored file, and varies as GET does."""
    answer = await reader.read(method="HEAD")
    assert answer.headers["Content-Length"] == str(len(_FILE))
    assert (answer.headers["ETag"], _varies(answer)) == (f'"{_ETAG}"', True)


_SIGNED: Final = {"Authorization": "AWS4-HMAC-SHA256 …"}


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ({"x_amz_checksum_mode": "ENABLED"}, ""),
        ({"Cache_Control": "max-age=0, no-transform"}, ""),
        ({}, "response-content-type=image%2Fpng"),
        ({}, "response-content-disposition=inline"),
        ({"If_Match": f'"{_ETAG}"'}, ""),
        ({"If_Match": f'"none", "{_ETAG}"'}, ""),
        ({"accept": "*/*"}, ""),
        ({"accept": "image/*"}, ""),
        ({"accept": "image/avif"}, ""),
        ({"accept": "image/jxl;q=0.5,image/png"}, ""),
    ],
)
async def test_what_refers_to_the_restored_file_gets_it(
    reader: _Reader, asked: dict[str, str], query: str
) -> None:
    """Digests, overrides, and ETags of the restored file pin it."""
    answer = await reader.read(query=query, **asked)
    assert (answer.status, answer.body) == (200, _FILE)
    assert _varies(answer)


@pytest.mark.parametrize(
    "asked",
    [
        {"If_Range": f'"{_ETAG}"'},
        {"If_Unmodified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        _SIGNED,
        _SIGNED | {"If_Match": f'"{_ETAG}"'},
    ],
)
async def test_ranges_of_the_restored_file(reader: _Reader, asked: dict[str, str]) -> None:
    """Programs know size and ETag from HEAD; parts that they read must be of one file."""
    answer = await reader.read(Range="bytes=90-", **asked)
    assert (answer.status, answer.body) == (206, _FILE[90:])


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("asked", [{}, {"If_Range": _VIEW}, {"If_Match": _VIEW}])
async def test_ranges_of_the_rendition(reader: _Reader, asked: dict[str, str], known: bool) -> None:
    """A browser that goes on with the rendition gets more of it."""
    if known:
        await reader.read(None)
    answer = await reader.read(Range="bytes=2-5", **asked)
    assert (answer.status, answer.body) == (206, RENDITION[2:6])
    assert answer.headers["Content-Range"] == f"bytes 2-5/{len(RENDITION)}"
    assert (answer.headers["ETag"], answer.headers["Content-Type"]) == (_VIEW, _JXL)
    with pytest.raises(S3Error, match="InvalidRange"):
        await reader.read(Range="bytes=50-", **asked)


async def test_a_range_of_something_else_is_all_of_it(reader: _Reader) -> None:
    """If-Range with an unknown ETag means the whole rendition."""
    answer = await reader.read(Range="bytes=2-5", If_Range='"none"')
    assert (answer.status, answer.body) == (200, RENDITION)


@pytest.mark.parametrize(
    ("named", "status", "etag"),
    [
        (_VIEW, 304, _VIEW),
        (f'W/{_VIEW}, "{_ETAG}"', 304, _VIEW),
        (f'"{_ETAG}"', 304, f'"{_ETAG}"'),
        ('"none"', 200, _VIEW),
        ('"stored"', 200, _VIEW),
    ],
)
async def test_a_client_with_either_learns_that_it_is_current(
    reader: _Reader, named: str, status: int, etag: str
) -> None:
    """If-None-Match may name the rendition or the restored file; 304 names the one it means."""
    answer = await reader.read(If_None_Match=named)
    assert (answer.status, answer.headers["ETag"], _varies(answer)) == (status, etag, True)


async def test_the_rendition_is_unknown_to_others(reader: _Reader) -> None:
    """A client that does not name its type never learns that the rendition is current."""
    assert (await reader.read(None, If_None_Match=_VIEW)).body == _FILE
    with pytest.raises(S3Error, match="PreconditionFailed"):
        await reader.read(None, If_Match=_VIEW)
    with pytest.raises(S3Error, match="PreconditionFailed"):
        await reader.read(If_Match='"none"')


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"view": None}, {}),
        ({"content_type": "application/octet-stream"}, {}),
        ({}, {"Content-Disposition": 'attachment; filename="a.png"'}),
        ({}, {"Cache-Control": "public, No-Transform"}),
    ],
)
async def test_objects_that_are_served_restored(
    changes: dict[str, Any], more: dict[str, str]
) -> None:
    """Not recorded as alike, no image to browsers, to be saved under a name, not to be changed."""
    reader = _Reader()
    await reader.store(_manifest(**changes), more)
    assert (await reader.read()).body == _FILE


async def test_shrunk_renditions_need_leave() -> None:
    """One with a restorer is served where the policy says so."""
    told = _manifest().model_dump(by_alias=True, exclude_defaults=True)
    told["st"] |= {"t": "downscale", "x": 2, "r": "0" * 16}
    told["out"] = {"f": "PNG", "m": "L", "q": 6, "s": None, "p": False}
    note = Manifest.model_validate(told, by_alias=True, by_name=False)
    for shrunk in (False, True):
        reader = _Reader(negotiate=["jxl"], shrunk=shrunk)
        await reader.store(note)
        assert (await reader.read()).body == (RENDITION if shrunk else _FILE)


async def test_other_policies_serve_restored_files() -> None:
    """Without the setting nothing varies."""
    reader = _Reader(negotiate=[])
    await reader.store(_manifest())
    answer = await reader.read()
    assert (answer.body, answer.headers["Vary"]) == (_FILE, "x-slimgate-raw")


async def test_a_damaged_rendition_is_not_served_whole() -> None:
    """The connection is reset before the last byte."""
    reader = _Reader()
    await reader.store(_manifest(), rendition=b"x" * len(RENDITION))
    with pytest.raises(S3Error, match="damaged"):
        await reader.read()


async def test_what_is_spared_is_counted(reader: _Reader) -> None:
    """Requests by codec, and bytes of whole renditions."""

    def counted() -> tuple[float, float]:
        read = metrics.REGISTRY.get_sample_value
        requests = read("slimgate_negotiated_requests_total", {"codec": "jxl"}) or 0
        return requests, read("slimgate_negotiated_bytes_spared_total") or 0

    requests, spared = counted()
    await reader.read()
    await reader.read(Range="bytes=2-5")
    await reader.read(None)
    assert counted() == (requests + 2, spared + len(_FILE) - len(RENDITION))


async def test_another_rendition_is_verified_anew(reader: _Reader) -> None:
    """What was right a moment ago counts for the same ETag of the store alone."""
    assert (await reader.read()).body == (await reader.read()).body == RENDITION
    await reader.store(_manifest(), rendition=b"x" * len(RENDITION))
    with pytest.raises(S3Error, match="damaged"):
        await reader.read()
