"""Calls of handlers without a server: a request at hand, and the store in memory behind it."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from unittest import mock

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.codec.manifest import Manifest
from slimgate.config import Ledger as LedgerSettings
from slimgate.config import Limits, Policies, Policy
from slimgate.config import Manifests as ManifestSettings
from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.handlers.deferring import Deferral, QueuedUpload
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.handlers.replacing import RenditionReplacement
from slimgate.gateway.http.body_scheduler import BodyScheduler
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.http.limits import Limits as RunningLimits
from slimgate.gateway.http.request_body import BodyLimits
from slimgate.gateway.http.stall_timer import StallTimer
from slimgate.gateway.s3 import headers, query
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.index.memory import MemoryIndex
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.storage.upstream import Upstream
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.telemetry.telemetry import Telemetry
from slimgate.gateway.workers.pool import Workers
from tests.memory_queue import MemoryQueue
from tests.memory_store.store import MemoryStore

BUCKET: Final = "photos"


class Recorder(AbstractStreamWriter):
    """Keeps what is sent to the client."""

    def __init__(self) -> None:
        self.body = b""

    async def write(self, chunk: Any) -> None:
        """Keep a piece of the body."""
        self.body += bytes(chunk)

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Keep the last piece."""
        self.body += chunk

    async def drain(self) -> None:
        """Do nothing."""

    def enable_compression(self, *_: Any, **__: Any) -> None:
        """Do nothing."""

    def enable_chunking(self) -> None:
        """Do nothing."""

    async def write_headers(self, status_line: str, headers: "CIMultiDict[str]") -> None:
        """Do nothing: the head is in the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client sees."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Gateway:
    """What handlers need, and the store in memory.

    Attributes:
        memory: The store.
        policies: In force.
    """

    memory: MemoryStore = field(default_factory=MemoryStore)
    policies: Policies = field(
        default_factory=lambda: Policies(
            (Policy(name="p", bucket=BUCKET, mode="optimize", anonymous=True),)
        )
    )

    @cached_property
    def storage(self) -> Storage:
        """Return what is remembered of the store; nothing goes to the one that it names."""
        upstream = Upstream(UpstreamSettings(endpoint="http://127.0.0.1:9"))
        index = BufferedIndex(MemoryIndex(1000), self.policies.names)
        return Storage(upstream, index, Seals(ManifestSettings()))

    @cached_property
    def queue(self) -> MemoryQueue:
        """Return the deferred queue."""
        return MemoryQueue()

    @cached_property
    def deferral(self) -> Deferral:
        """Return what puts uploads there."""
        return Deferral(self.queue, Ledger(LedgerSettings()))

    async def queued(self) -> list[QueuedUpload]:
        """Return the uploads in the queue, once it knows what has become of them."""
        await self.deferral.close()
        return self.queue.uploads

    @cached_property
    def plain(self) -> PassThrough:
        """Return what streams answers of the store."""
        return PassThrough(BodyScheduler())

    def writing(
        self, workers: Workers
    ) -> tuple[Policies, Storage, RenditionReplacement, Ledger, Deferral, PassThrough]:
        """Return what handlers need whose objects are replaced by renditions.

        Args:
            workers: Search for renditions.
        """
        ledger, limits = Ledger(LedgerSettings()), RunningLimits.of(Limits())
        replacing = RenditionReplacement(self.storage, workers, limits, Telemetry(ledger))
        return self.policies, self.storage, replacing, ledger, self.deferral, self.plain

    def call(
        self,
        method: str,
        target: Target,
        text: str = "",
        said: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[Call, Recorder]:
        """Make a call, and what records its answer.

        Args:
            method: HTTP method.
            target: Bucket and key.
            text: The query.
            said: Headers.
            body: All of it.
        """
        shown, writer = CIMultiDict(said or {}), Recorder()
        if body:
            shown["Content-Length"] = str(len(body))
            shown["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
        request = make_mocked_request(
            method, f"{target.path}?{text}", shown, writer=writer, payload=_payload(body)
        )
        limits, timer = Limits(), StallTimer(1)
        passed_along = headers.caller_headers(shown, {})
        call = Call(
            request=request,
            request_id="id",
            target=target,
            headers=CIMultiDictProxy(shown),
            query=query.read(text),
            verified=None,
            source=Identity("main", "secret"),
            client=self.memory.client(passed_along=passed_along),
            stall_timer=timer,
            body_limits=BodyLimits(limits, ByteBudget(1 << 20), timer),
            address=None,
            upload_quota=ByteBudget(1 << 24).client_quota(None, 1.0),
        )
        return call, writer

    async def store(
        self, key: str, data: bytes, said: Mapping[str, str] | None = None
    ) -> Mapping[str, str]:
        """Put an object into the store itself; return the headers of its answer."""
        client = self.memory.client()
        async with client.send(Request("PUT", Target(BUCKET, "", ""))):
            pass
        about = CIMultiDict(said or {})
        request = Request("PUT", key_target(BUCKET, key), "", about, data, len(data))
        async with client.send(request) as response:
            return response.headers

    async def store_managed(self, key: str, manifest: Manifest) -> Mapping[str, str]:
        """Put a rendition into the store itself; return the headers of its answer."""
        note = self.storage.seals.write(manifest)
        return await self.store(key, b"rendition", {headers.MANIFEST: note})

    def sent(self, method: str) -> list[Request]:
        """Return the requests of that method, and forget them."""
        found = [request for request in self.memory.requests if request.method == method]
        self.memory.requests.clear()
        return found


def _payload(body: bytes) -> StreamReader:
    if not body:
        return EMPTY_PAYLOAD
    loop = asyncio.get_running_loop()
    protocol = mock.create_autospec(BaseProtocol, instance=True)
    reader = StreamReader(protocol, 1 << 16, loop=loop)
    reader.feed_data(body)
    reader.feed_eof()
    return reader


def answered(response: web.StreamResponse, writer: Recorder) -> Answer:
    """Return what a client sees of an answer, streamed or whole."""
    body = response.body if isinstance(response, web.Response) else writer.body
    return Answer(response.status, response.headers, bytes(body or b""))  # type: ignore[arg-type]
