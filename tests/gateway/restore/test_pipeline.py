from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.codec.manifest import Manifest
from slimgate.codec.restore.restore import DamagedRendition, DigestMismatch
from slimgate.config import Engine
from slimgate.config import Manifests as ManifestSettings
from slimgate.gateway.cache.memory import MemoryCache
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.restore import pipeline
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.restore.read import Answer, AsStored, ObjectRead, ReadRequest, Reads, Served
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.completing import BeingCompleted, PendingCompletions
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.index.memory import MemoryIndex
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Content, Request, Response, Sending
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.workers.pool import Busy, Workers

_TARGET: Final = key_target("photos", "a")
_FILE: Final = b"0123456789"
_DATE: Final = "Thu, 01 Jan 2026 00:00:00 GMT"


class _Body:
    """The body of an answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def at_eof(self) -> bool:
        """Return whether it was read."""
        return not self._data

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Iterate over it."""
        data, self._data = self._data, b""
        yield data

    async def readexactly(self, n: int, /) -> bytes:
        """Read some of it."""
        data, self._data = self._data[:n], self._data[n:]
        return data


@dataclass
class _Answer:
    """An answer of the store."""

    method: str
    status: int
    headers: CIMultiDictProxy[str]
    content: Content

    @property
    def content_length(self) -> int | None:
        """Return nothing."""
        return None

    def at_hand(self) -> bytes | None:
        return None

    def let_go(self) -> None:
        """Do nothing."""


@dataclass
class _Store(ObjectClient):
    """A store with one object, which judges conditions by the stored ETag.

    Attributes:
        headers: Of the object.
        asked: Requests, in their order.
        rendition: The stored bytes.
    """

    headers: dict[str, str]
    asked: list[Request] = field(default_factory=list)
    rendition: bytes = b"rendition"

    @property
    def passed_along(self) -> Mapping[str, str]:
        """Return no headers."""
        return {}

    def altered(
        self,
        *,
        source: CredentialSource | None = None,
        passed_along: Mapping[str, str] | None = None,
    ) -> Self:
        """Return the same store."""
        del source, passed_along
        return self

    @asynccontextmanager
    async def _sent(self, request: Request) -> AsyncIterator[Response]:
        self.asked.append(request)
        etag = request.headers.get("If-Match", self.headers["ETag"])
        met = etag == self.headers["ETag"]
        body = _Body(self.rendition if met and request.method == "GET" else b"")
        shown = CIMultiDictProxy(CIMultiDict(self.headers if met else {}))
        yield _Answer(request.method, 200 if met else 412, shown, body)

    def send(self, request: Request) -> Sending:
        """Answer a request."""
        return self._sent(request)


class _Restoring(Workers):
    """Workers that restore the same at once, or fail."""

    def __init__(self, answer: tuple[bytes, bool] | Exception) -> None:
        super().__init__(Engine(), address=Path("nobody"))
        self._answer = answer
        self.attempts = 0

    async def restore(self, rendition: bytes, manifest: Manifest) -> tuple[bytes, bool]:
        """Return the answer."""
        self.attempts += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def _manifest() -> Manifest:
    told: dict[str, Any] = {
        "v": 1, "n": len(_FILE), "md5": "0" * 32, "ct": "image/png", "w": 640, "h": 427,
        "st": {"t": "exact", "c": "jxl", "q": 100, "x": 1, "r": None}, "sha": "1" * 64,
        "cd": "2" * 32, "fid": {"p": 100.0, "s": 1.0, "o": 1.0}, "pol": "3" * 12, "gw": "0.1.0",
    }  # fmt: skip
    return Manifest.model_validate(told, by_alias=True, by_name=False)


def _managed() -> _Store:
    note = Seals(ManifestSettings()).write(_manifest())
    head = {"ETag": '"stored"', "x-amz-meta-slimgate": note, "Last-Modified": _DATE}
    return _Store(head)


def _plain(etag: str = "plain") -> _Store:
    return _Store({"ETag": f'"{etag}"', "Last-Modified": _DATE})


@dataclass
class _Gateway:
    """What reads share, and a store."""

    store: _Store
    workers: Workers = field(default_factory=lambda: _Restoring((_FILE, True)))
    parts: Reads = field(init=False)

    def __post_init__(self) -> None:
        self.parts = Reads(
            Compute(self.workers, MemoryCache(1 << 20, 60.0)),
            ByteBudget(1 << 20),
            BufferedIndex(MemoryIndex(100)),
            Seals(ManifestSettings()),
            PendingCompletions(),
        )

    async def read(
        self,
        method: str = "GET",
        parameters: Mapping[str, str] | None = None,
        **headers: str,
    ) -> Answer:
        """Read the object; underscores in the names of headers are dashes."""
        sent = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})

        def request(method: str) -> Callable[[], Request]:
            return lambda: Request(method, _TARGET, headers=sent)

        asked = ReadRequest(
            target=_TARGET,
            method=method,
            headers=sent,
            parameters=parameters or {},
            as_sent=request(method),
            as_head=request("HEAD"),
            applicable_headers=lambda response: CIMultiDict(response.headers),
        )
        async with AsyncExitStack() as open_:
            read = ObjectRead(parts=self.parts, client=self.store, asked=asked, open=open_)
            return await pipeline.answer(read)


def test_the_order_of_the_steps() -> None:
    """The store decides who may read before the cache is looked at."""
    assert [step.__name__ for step in pipeline.STEPS] == [
        "probe",
        "negotiate",
        "judge_conditions",
        "look_in_cache",
        "read_stored",
        "restore",
        "respond",
    ]


def test_copies_take_the_steps_that_make_the_file() -> None:
    """A part is copied of the very file that GET serves."""
    assert pipeline.STEPS[3:6] == pipeline.FILE


async def test_a_plain_object_is_the_stores_answer() -> None:
    """One request is sent, as it came."""
    gateway = _Gateway(_plain())
    answer = await gateway.read()
    assert isinstance(answer, AsStored)
    assert [request.method for request in gateway.store.asked] == ["GET"]


async def test_a_managed_object_is_restored_once() -> None:
    """The second read finds the file in the cache, and asks the store all the same."""
    gateway = _Gateway(_managed())
    answers = [await gateway.read(), await gateway.read()]
    served = [each for each in answers if isinstance(each, Served)]
    assert [bytes(each.body) for each in served] == [_FILE, _FILE]
    assert [each.headers["x-slimgate-cache"] for each in served] == ["miss", "hit"]
    # What is known to be managed is looked at first: its rendition need not be sent again.
    assert [request.method for request in gateway.store.asked] == ["GET", "HEAD"]


async def test_memory_is_returned_when_the_read_ends() -> None:
    """Rendition and file are held no longer than the answer."""
    gateway = _Gateway(_managed())
    await gateway.read()
    assert gateway.parts.buffers.held == 0


@pytest.mark.parametrize(
    ("method", "headers", "status", "body"),
    [
        ("HEAD", {}, HTTPStatus.OK, b""),
        ("GET", {"If_None_Match": f'"{"0" * 32}"'}, HTTPStatus.NOT_MODIFIED, b""),
        ("GET", {"If_Match": f'"{"0" * 32}"'}, HTTPStatus.OK, _FILE),
        ("GET", {"Range": "bytes=2-4"}, HTTPStatus.PARTIAL_CONTENT, b"234"),
    ],
)
async def test_conditions_are_those_of_the_file(
    method: str, headers: dict[str, str], status: HTTPStatus, body: bytes
) -> None:
    """The store judges conditions by the rendition; what counts is the file."""
    answer = await _Gateway(_managed()).read(method, None, **headers)
    assert isinstance(answer, Served)
    assert (answer.status, bytes(answer.body)) == (status, body)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"If_Match": '"stored"'}, "PreconditionFailed"),
        ({"Range": "bytes=10-"}, "InvalidRange"),
    ],
)
async def test_conditions_that_fail(headers: dict[str, str], code: str) -> None:
    """The stored ETag names no bytes that a client sees, and nothing is restored in vain."""
    gateway = _Gateway(_managed(), _Restoring(AssertionError()))
    with pytest.raises(S3Error) as caught:
        await gateway.read("GET", None, **headers)
    assert caught.value.code == code


async def test_a_busy_queue_asks_for_patience() -> None:
    """Too much that is waiting is no failure of the object."""
    gateway = _Gateway(_managed(), _Restoring(Busy("full")))
    with pytest.raises(S3Error) as caught:
        await gateway.read()
    assert caught.value.code == "SlowDown"


async def test_other_bytes_go_under_another_etag() -> None:
    """What an encoder's upgrade has changed does not match the recorded ETag, nor is it cached."""
    gateway = _Gateway(_managed(), _Restoring((b"9876543210", False)))
    for _ in range(2):
        answer = await gateway.read()
        assert isinstance(answer, Served)
        assert answer.headers["ETag"] != f'"{_manifest().etag}"'
        assert answer.headers["x-slimgate-cache"] == "miss"


async def test_an_object_that_is_being_completed_is_not_served() -> None:
    """Its plain bytes and its rendition share an ETag."""
    gateway = _Gateway(_plain("0-1"))
    with gateway.parts.completing.track(_TARGET), pytest.raises(BeingCompleted):
        await gateway.read()


async def test_a_manifest_that_cannot_be_read_is_an_error() -> None:
    """The rendition never passes for the object."""
    gateway = _Gateway(_Store({"ETag": '"e"', "x-amz-meta-slimgate": "{}"}))
    with pytest.raises(S3Error) as caught:
        await gateway.read()
    assert caught.value.code == "InternalError"


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(DamagedRendition("no AVIF"), 1), (DigestMismatch("differs"), 1), (LookupError("no card"), 2)],
)
async def test_damage_is_remembered(error: Exception, attempts: int) -> None:
    """What cannot be restored is not tried again, but what may pass is."""
    workers = _Restoring(error)
    gateway = _Gateway(_managed(), workers)
    for _ in range(2):
        with pytest.raises(S3Error, match="raw: stored"):
            await gateway.read()
    assert workers.attempts == attempts


async def test_other_bytes_are_tried() -> None:
    """Bytes that were damaged on the way say nothing about the object."""
    workers = _Restoring(DamagedRendition("no AVIF"))
    store = _managed()
    gateway = _Gateway(store, workers)
    with pytest.raises(S3Error):
        await gateway.read()
    store.rendition = b"RENDITION"
    with pytest.raises(S3Error):
        await gateway.read()
    assert workers.attempts == 2
