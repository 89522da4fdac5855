"""Request tracing; imports OpenTelemetry only when configured.

Spans cover every step that may take long; without tracing, a span costs one context variable
lookup.
"""

import contextlib
import importlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Final, Literal, Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from slimgate.config import Tracing as TracingSettings
from slimgate.gateway.start_errors import CannotStart

Value = str | int | float | bool
Kind = Literal["server", "client", "internal"]


class Span(Protocol):
    """A timed operation."""

    def set_attribute(self, key: str, value: Value) -> None:
        """Set an attribute."""
        ...

    def update_name(self, name: str) -> None:
        """Change the name."""
        ...


class Tracer(Protocol):
    """Record spans and export them in the background; tracing never fails a request."""

    def span(
        self, name: str, kind: Kind, inbound: Mapping[str, str] | None
    ) -> contextlib.AbstractContextManager[Span]:
        """Open a span; ``inbound`` headers may name its trace."""
        ...

    def outbound(self) -> Mapping[str, str]:
        """Return the headers that propagate the current span to the next server."""
        ...

    async def close(self) -> None:
        """Flush pending spans."""
        ...


class _NoopSpan:
    """A span that records nothing."""

    def set_attribute(self, key: str, value: Value) -> None:
        """Do nothing."""

    def update_name(self, name: str) -> None:
        """Do nothing."""


_NOT_TRACED: Final = contextlib.nullcontext(_NoopSpan())
_current: Final[ContextVar[Tracer | None]] = ContextVar("tracer", default=None)


def open_tracer(settings: TracingSettings) -> Tracer | None:
    """Return the configured tracer; None: tracing is off.

    Raises:
        CannotStart: OpenTelemetry is not installed.
    """
    if settings.endpoint is None:
        return None
    try:
        module = importlib.import_module("slimgate.gateway.telemetry.opentelemetry")
    except ImportError as error:
        hint = "pip install 'slimgate[otel]', or remove tracing.endpoint"
        raise CannotStart(f"tracing.endpoint needs OpenTelemetry: {hint}") from error
    tracer: Tracer = module.OtelTracer(settings.endpoint, settings.sample)
    return tracer


def span(
    name: str, kind: Kind = "internal", **attributes: Value
) -> contextlib.AbstractContextManager[Span]:
    """Open a span under the request's span, if the request is traced.

    Args:
        name: Operation; one of a few.
        kind: ``client`` if it waits for another server.
        attributes: Attributes; no secrets.
    """
    tracer = _current.get()
    return _NOT_TRACED if tracer is None else _child(tracer, name, kind, attributes)


@contextlib.contextmanager
def _child(
    tracer: Tracer, name: str, kind: Kind, attributes: Mapping[str, Value]
) -> Iterator[Span]:
    with tracer.span(name, kind, None) as opened_span:
        for key, value in attributes.items():
            opened_span.set_attribute(f"slimgate.{key}", value)
        yield opened_span


def outbound() -> Mapping[str, str]:
    """Return the headers that propagate the trace to the store; empty without one."""
    tracer = _current.get()
    return tracer.outbound() if tracer else {}


def traced(tracer: Tracer, name: Callable[[web.Request], str]) -> Middleware:
    """Return the middleware that opens a span for each request.

    Args:
        tracer: The tracer.
        name: Returns the operation, once it is known.
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
