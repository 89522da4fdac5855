"""Tracing with OpenTelemetry over OTLP/HTTP; imported only when configured."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_KINDS: Final = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}
_EXPORT_TIMEOUT_S: Final = 5.0
_EVERY_MS: Final = 1000.0
_MAX_WAITING: Final = 4096  # spans; further ones are dropped while the collector is unavailable


class OtelTracer:
    """Record spans; see :class:`slimgate.gateway.telemetry.tracing.Tracer`.

    Args:
        endpoint: URL of the collector.
        sample: Fraction of traces to record.
    """

    def __init__(self, endpoint: str, sample: float) -> None:
        resource = Resource.create(
            {"service.name": "slimgate", "service.version": version("slimgate")}
        )
        self._provider = TracerProvider(
            resource=resource, sampler=ParentBased(TraceIdRatioBased(sample))
        )
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_TIMEOUT_S)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter, max_queue_size=_MAX_WAITING, schedule_delay_millis=_EVERY_MS
            )
        )
        self._tracer = self._provider.get_tracer("slimgate")
        self._propagator = TraceContextTextMapPropagator()

    @contextlib.contextmanager
    def span(self, name: str, kind: str, inbound: Mapping[str, str] | None) -> Iterator[Span]:
        """Open a span under the current one, or under the one in the headers."""
        context = None
        if inbound is not None:
            told = {name.lower(): value for name, value in inbound.items()}
            context = self._propagator.extract(told)
        # An exception's text may contain client data; its type is enough.
        with self._tracer.start_as_current_span(
            name, context, _KINDS[kind], record_exception=False, set_status_on_exception=False
        ) as opened:
            try:
                yield opened
            except BaseException as error:
                opened.set_attribute("error.type", type(error).__name__)
                raise

    def outbound(self) -> Mapping[str, str]:
        """Return ``traceparent`` and ``tracestate`` of the current span."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    async def close(self) -> None:
        """Flush pending spans, without blocking the event loop."""
        await asyncio.to_thread(self._provider.shutdown)
