"""An OpenTelemetry collector that remembers what it gets: real OTLP over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What came.

    Attributes:
        url: Where traces go to.
        spans: All so far.
    """

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_for(self, name: str, count: int = 1) -> list[Span]:
        """Wait until so many spans of that name have come."""
        async with self.more, asyncio.timeout(60):
            await self.more.wait_for(lambda: len(self.named(name)) >= count)
        return self.named(name)

    def named(self, name: str) -> list[Span]:
        """Return the spans of that name."""
        return [span for span in self.spans if span.name == name]


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """Run a collector for a while."""
    told = Collector()

    async def take(request: web.Request) -> web.Response:
        message = ExportTraceServiceRequest.FromString(await request.read())
        async with told.more:
            for resource in message.resource_spans:
                for scope in resource.scope_spans:
                    told.spans += scope.spans
            told.more.notify_all()
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    async with TestServer(app) as server:
        told.url = str(server.make_url("/v1/traces"))
        yield told


def attributes(span: Span) -> dict[str, object]:
    """Return the attributes of a span."""
    return {
        each.key: getattr(each.value, str(each.value.WhichOneof("value")))
        for each in span.attributes
    }
