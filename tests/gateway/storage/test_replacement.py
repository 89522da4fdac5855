"""A bucket with versions never pays for an upload in parts and for its rendition."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient, TestServer
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from slimgate.config import Settings
from slimgate.gateway.runtime.app import create_app
from tests.e2e import images

_KEYS: Final = {"access_key": "main", "secret_key": "secret"}
_FILE: Final = images.jpeg()
_PLAIN: Final = f"{'a' * 32}-1"
_PATH: Final = "/photos/k?uploadId=u"
_COMPLETED: Final = (
    "<CompleteMultipartUploadResult><Key>k</Key><ETag>{}</ETag></CompleteMultipartUploadResult>"
)
_PRIVATE: Final = (
    "<AccessControlPolicy><AccessControlList><Grant><Permission>FULL_CONTROL</Permission></Grant>"
    "</AccessControlList></AccessControlPolicy>"
)
_LOCKED: Final = (
    "<ObjectLockConfiguration><Rule><DefaultRetention><Mode>COMPLIANCE</Mode></DefaultRetention>"
    "</Rule></ObjectLockConfiguration>"
)


@dataclass
class Store:
    """A store with versions, as far as completing one upload needs it.

    Attributes:
        says_version: It names the version when it completes an upload.
        versioned: The bucket keeps versions.
        locks: The bucket locks what it gets.
        loses: How many answers to each method are lost after the work was done.
        refuses: Statuses that the next removals are answered with, without any being done.
        versions: What lies in the bucket: headers by version, the oldest first.
        writing: Set when a rendition arrives.
        go_on: Renditions are stored once it is set.
    """

    says_version: bool = True
    versioned: bool = True
    locks: bool = False
    loses: dict[str, int] = field(default_factory=dict)
    refuses: list[int] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    writing: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Any = field(default_factory=itertools.count)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request, or lose the answer."""
        handlers: dict[str, Callable[[web.Request], Any]] = {
            "POST": self._post, "GET": self._get, "HEAD": self._get, "PUT": self._put,
            "DELETE": self._delete,
        }  # fmt: skip
        response: web.Response = await handlers[request.method](request)
        if self.loses.get(request.method, 0):
            self.loses[request.method] -= 1
            assert request.transport is not None
            request.transport.abort()
        return response

    def _add(self, said: dict[str, str]) -> dict[str, str]:
        version_id = f"v{next(self._numbers)}"
        if not self.versioned:
            self.versions.clear()
            version_id = "null"
        self.versions[version_id] = said
        return {"x-amz-version-id": version_id} if self.versioned else {}

    async def _post(self, _: web.Request) -> web.Response:
        shown = self._add({"ETag": f'"{_PLAIN}"', "Content-Type": "image/jpeg"})
        return web.Response(
            text=_COMPLETED.format(_PLAIN), headers=shown if self.says_version else {}
        )

    async def _get(self, request: web.Request) -> web.Response:
        for name, text in (("object-lock", _LOCKED if self.locks else ""), ("acl", _PRIVATE),
                           ("tagging", "<Tagging/>")):  # fmt: skip
            if name in request.query:
                return web.Response(text=text) if text else web.Response(status=404)
        version_id, said = list(self.versions.items())[-1]
        shown = {**said, **({"x-amz-version-id": version_id} if self.versioned else {})}
        return web.Response(body=_FILE, headers=shown)

    async def _put(self, request: web.Request) -> web.Response:
        self.writing.set()
        await self.go_on.wait()
        current = list(self.versions.values())[-1]["ETag"].strip('"')
        if request.headers["If-Match"].strip('"') != current:
            return web.Response(status=412)
        await request.read()
        said = {"x-amz-meta-slimgate": request.headers["x-amz-meta-slimgate"]}
        shown = self._add({**said, "ETag": f'"{"b" * 32}"', "Content-Type": "image/avif"})
        return web.Response(headers={**shown, "ETag": f'"{"b" * 32}"'})

    async def _delete(self, request: web.Request) -> web.Response:
        self.asked.append(request.query.get("versionId", ""))
        if self.refuses:
            return web.Response(status=self.refuses.pop(0))
        del self.versions[request.query["versionId"]]
        return web.Response(status=204)


@asynccontextmanager
async def _gateway(store: Store) -> AsyncIterator[TestClient[Any, Any]]:
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", store.answer)
    async with TestServer(app) as behind:
        settings = Settings.model_validate(
            {
                "upstream": {"endpoint": f"http://{behind.host}:{behind.port}"},
                "credentials": [_KEYS],
                "index": {"kind": "memory"},
                "engine": {"workers": 1},
                "policies": [
                    {"name": "p", "bucket": "photos", "mode": "optimize", "effort": "fast"}
                ],
            }
        )
        async with TestClient(TestServer(create_app(settings))) as client:
            yield client


async def _complete(client: TestClient[Any, Any]) -> tuple[int, str | None]:
    """Complete the upload; return the status, and the version that the client is told."""
    url = client.make_url(_PATH)
    request = AWSRequest("POST", str(url), data=b"<CompleteMultipartUpload/>")
    S3SigV4Auth(Credentials("main", "secret"), "s3", "us-east-1").add_auth(request)
    async with client.post(_PATH, headers=dict(request.headers), data=request.body) as response:
        await response.read()
        return response.status, response.headers.get("x-amz-version-id")


def _kinds(store: Store) -> list[str]:
    return [said["Content-Type"] for said in store.versions.values()]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"says_version": False},
        {"loses": {"PUT": 1}},
        {"loses": {"DELETE": 1}, "refuses": [503]},
        {"refuses": [500, 503]},
        {"versioned": False},
    ],
)
async def test_one_version_is_left(facts: dict[str, Any]) -> None:
    """The plain version goes once the rendition stands, and the client hears of that one."""
    store = Store(**facts)
    store.go_on.set()
    async with _gateway(store) as client:
        status, version_id = await _complete(client)
    left = next(iter(store.versions))
    assert (200, left if store.versioned else None) == (status, version_id)
    assert _kinds(store) == ["image/avif"]
    assert set(store.asked) == ({"v0"} if store.versioned else set())


async def test_what_may_not_be_removed_stays() -> None:
    """Where removing is forbidden, both stay, and nothing else is tried."""
    store = Store(refuses=[403])
    store.go_on.set()
    async with _gateway(store) as client:
        assert await _complete(client) == (200, "v1")
    assert _kinds(store) == ["image/jpeg", "image/avif"]
    assert store.asked == ["v0"]


async def test_where_objects_are_locked_the_upload_stays() -> None:
    """A version that cannot be removed gets no rendition beside it."""
    store = Store(locks=True)
    store.go_on.set()
    async with _gateway(store) as client:
        assert await _complete(client) == (200, "v0")
    assert _kinds(store) == ["image/jpeg"]


async def test_another_writer_is_not_touched() -> None:
    """After a concurrent write by another client, nothing is written or removed."""
    store = Store()
    async with _gateway(store) as client:
        work = asyncio.create_task(_complete(client))
        await store.writing.wait()
        store.versions["other"] = {"ETag": f'"{"c" * 32}"', "Content-Type": "text/plain"}
        store.go_on.set()
        assert (await work)[0] == HTTPStatus.OK
    assert _kinds(store) == ["image/jpeg", "text/plain"]
    assert store.asked == []


async def test_a_client_that_leaves_changes_nothing() -> None:
    """A replacement that has begun completes, even if its caller is cancelled."""
    store = Store()
    async with _gateway(store) as client:
        work = asyncio.create_task(_complete(client))
        await store.writing.wait()
        work.cancel()
        with pytest.raises((asyncio.CancelledError, ClientError)):
            await work
        removed = asyncio.create_task(_removal(store))
        store.go_on.set()
        await asyncio.wait_for(removed, 20)
    assert _kinds(store) == ["image/avif"]


async def _removal(store: Store) -> None:
    while not store.asked:  # noqa: ASYNC110  # the store has no event of its own for it
        await asyncio.sleep(0.01)
