"""Traces of requests, where an operator asks for them; without OpenTelemetry being imported else.

A span is opened wherever time may go; where nothing is traced that costs a look at a variable.
"""

import contextlib
import importlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Final, Literal, Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from config import Tracing as TracingSettings
from gateway.start_errors import CannotStart

Value = str | int | float | bool
Kind = Literal["server", "client", "internal"]


class Span(Protocol):
    """What happens between two moments."""

    def set_attribute(self, key: str, value: Value) -> None:
        """Say something about it."""
        ...

    def update_name(self, name: str) -> None:
        """Call it otherwise."""
        ...


class Tracer(Protocol):
    """Records spans and sends them on in the background; it never fails a request."""

    def span(
        self, name: str, kind: Kind, inbound: Mapping[str, str] | None
    ) -> contextlib.AbstractContextManager[Span]:
        """Open a span; ``inbound`` headers may name the trace that it belongs to."""
        ...

    def outbound(self) -> Mapping[str, str]:
        """Give the headers that tell the next server of the span that is open."""
        ...

    async def close(self) -> None:
        """Send what is left."""
        ...


class _NoopSpan:
    """Stands for a span where nothing is traced."""

    def set_attribute(self, key: str, value: Value) -> None:
        """Say it to nobody."""

    def update_name(self, name: str) -> None:
        """Call nothing otherwise."""


_NOOP_SPAN: Final = _NoopSpan()
_current: Final[ContextVar[Tracer | None]] = ContextVar("tracer", default=None)


def open_tracer(settings: TracingSettings) -> Tracer | None:
    """Give the tracer that the settings ask for; None: nothing is traced.

    Raises:
        CannotStart: OpenTelemetry is not installed.
    """
    if settings.endpoint is None:
        return None
    try:
        module = importlib.import_module("gateway.telemetry.opentelemetry")
    except ImportError as error:
        hint = "install slimgate[otel], or leave tracing.endpoint out"
        raise CannotStart(f"tracing.endpoint needs OpenTelemetry: {hint}") from error
    tracer: Tracer = module.OtelTracer(settings.endpoint, settings.sample)
    return tracer


@contextlib.contextmanager
def span(name: str, kind: Kind = "internal", **attributes: Value) -> Iterator[Span]:
    """Open a span within that of the request, if it is traced.

    Args:
        name: What is done; one of few.
        kind: ``client``: somebody else is waited for.
        attributes: What to say of it; nothing secret.
    """
    tracer = _current.get()
    if tracer is None:
        yield _NOOP_SPAN
        return
    with tracer.span(name, kind, None) as opened_span:
        for key, value in attributes.items():
            opened_span.set_attribute(f"slimgate.{key}", value)
        yield opened_span


def outbound() -> Mapping[str, str]:
    """Give the headers that tell the store of the trace; empty where there is none."""
    tracer = _current.get()
    return tracer.outbound() if tracer else {}


def traced(tracer: Tracer, name: Callable[[web.Request], str]) -> Middleware:
    """Make the middleware that opens the span of each request.

    Args:
        tracer: Who records it.
        name: Gives the operation, once that is known.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        token = _current.set(tracer)
        try:
            with tracer.span(request.method, "server", request.headers) as opened_span:
                opened_span.set_attribute("http.request.method", request.method)
                try:
                    response = await handler(request)
                finally:
                    opened_span.update_name(name(request))
                opened_span.set_attribute("http.response.status_code", response.status)
                told = response.headers.get("x-amz-request-id", "")
                opened_span.set_attribute("aws.request_id", told)
                return response
        finally:
            _current.reset(token)

    return middleware
