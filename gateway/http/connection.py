"""One client connection: its timeouts, and how it ends."""

import asyncio
import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from aiohttp import StreamReader, web

from slimgate.config import Limits
from slimgate.gateway.http.aiohttp_internals import (
    LineTooLong,
    ServerProtocol,
    fail,
    has_begun,
    most_between_pauses,
    received_bytes,
)
from slimgate.gateway.http.error_responses import new_request_id, refusal
from slimgate.gateway.http.request_body import TooManyChunks
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.telemetry import metrics

if TYPE_CHECKING:
    from slimgate.gateway.http.connections import Connections

_log = structlog.get_logger(__name__)

_REFUSAL_TIMEOUT_S: Final = 2.0
"""Time for a refused client to send its request and read the error."""

_LINGER_S: Final = 10.0
"""Longest time to keep reading a body after its request was answered."""

_MAX_DISCARDED: Final = 1 << 30
"""Most bytes to read and discard after the response, so that the client can read it."""

_TOO_MANY: Final = S3Error("SlowDown", "Too many connections. Reduce them, or try again.")


class Connection(ServerProtocol):
    """One connection, with timeouts that :class:`Connections` enforces.

    Args:
        manager: The server.
        table: All connections.
        options: Options of :class:`ServerProtocol`.
    """

    def __init__(self, manager: web.Server, table: "Connections", **options: Any) -> None:
        super().__init__(manager, **options)
        self._table = table
        self.socket_transport: asyncio.Transport | None = None
        self.busy = False
        self.since = 0.0
        self.head_begun = False
        self.client: str | None = None
        self._admitted = False
        self._closing = False
        self._refusal_sent = False
        self._resumed = False
        self._used = False
        self._send_progress = SendProgress()
        self._body: StreamReader | None = None
        self._body_bytes = 0
        self._held = False
        self._head_bytes = 0
        self._answered = False
        self._until = 0.0
        self._discarded = 0
        self._closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Serve the connection, or refuse it if there are too many."""
        self.socket_transport = cast("asyncio.Transport", transport)
        self._begin_close()
        self.client = self._table.addresses.of(transport.get_extra_info("peername"))
        self._admitted = self._table.admit(self)
        self._closing = not self._admitted
        if self._admitted:
            super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, or discard them once the connection is closing."""
        if self._closing:
            self._send_refusal(data, _TOO_MANY)
            self._discard(data)
            return
        if not self.busy and not self.head_begun:
            self.head_begun, self.since = True, self.time()
        requests, in_body = self.parsed, self._body is not None and not self._body.is_eof()
        if not in_body and not self._head_bytes and self._is_endless(data):
            self._refuse_head(data)
            return
        self._held = False
        super().data_received(data)
        newest = self.newest_body
        if newest is not None and newest is not self._body:
            self._body, self._body_bytes = newest, 0
        if self._held:
            self._check_chunks()
        of_head = not in_body and self.parsed == requests
        self._head_bytes = self._head_bytes + len(data) if of_head else 0
        if self._head_bytes > self._table.max_head_bytes:
            self._refuse_head(data)

    def pause_reading(self) -> None:
        """Note that the body buffer is full."""
        self._held = True
        super().pause_reading()

    def resume_writing(self) -> None:
        """Note that the client has read most of the response buffer."""
        self._resumed = True
        super().resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Remove the connection from the table."""
        self._table.forget(self)
        self.socket_transport = None
        self._closed.set()
        if self._admitted:
            super().connection_lost(exc)

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Mark the connection as busy for the duration of the block."""
        self.busy, self.head_begun, self._used = True, False, True
        self._table.note_busy(self)
        try:
            yield
        finally:
            self.busy, self.since = False, self.time()
            if self.socket_transport is not None and not self._closing:
                self._table.note_idle(self)

    def close(self) -> None:
        """Close the connection once no request is in flight."""
        super().close()
        self._closed.set()

    async def answer(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Send a response that precedes the end of its request body, then close.

        The rest of the body is discarded without parsing: it may consist of a million chunks.

        Args:
            request: The request; if its body is complete, nothing happens.
            response: The response; sent if it has not been.
        """
        if request.content.is_eof():
            return
        with contextlib.suppress(ConnectionError):  # the client has disconnected; checked below
            await response.prepare(request)
            await response.write_eof()
        if self.socket_transport is None or self.socket_transport.is_closing():
            return
        self._closing = self._refusal_sent = self._answered = True
        self._begin_linger()
        # Do not send EOF yet: asyncio clients would then fail while sending their body.
        self._table.discarding.resume(self.socket_transport)
        await self._closed.wait()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer malformed HTTP; the parser's message may hold secrets and is not repeated."""
        del message
        if has_begun(request):
            raise ConnectionError("the response has already begun")
        code = "InternalError" if status >= 500 else "BadRequest"
        if isinstance(exc, LineTooLong):
            code = "RequestHeaderSectionTooLarge"
        request_id, reason = new_request_id(), type(exc).__name__
        _log.info("refused", request_id=request_id, code=code, reason=reason)
        metrics.REQUESTS.labels("Refused", "400" if status < 500 else "500").inc()
        response = refusal(S3Error(code), resource="/", request_id=request_id)
        response.force_close()
        return response

    def timeout_reason(self, limits: Limits, now: float) -> str | None:
        """Return why the connection has to be aborted now; None: it need not be."""
        if self.socket_transport is None:
            return None
        left, resumed = self.socket_transport.get_write_buffer_size(), self._resumed
        if self._closing and not (self._answered and left):
            return "refused" if now > min(self._until, self.since + _REFUSAL_TIMEOUT_S) else None
        self._resumed = False
        if left:
            self._begin_linger()  # lingering starts when the response is out
            slow = self._send_progress.is_too_slow(left, now, limits)
            if resumed:
                self._send_progress = SendProgress()
            return "answer" if slow and not resumed else None
        self._send_progress = SendProgress()
        if self.busy:
            return None
        if self.head_begun or not self._used:
            return "head" if now - self.since > limits.head_timeout_s else None
        return "idle" if now - self.since > limits.keepalive_timeout_s else None

    def _is_endless(self, data: bytes) -> bool:
        """Return whether a request head exceeds the limit, without parsing it."""
        most = self._table.max_head_bytes
        return len(data) > most and data.find(b"\r\n\r\n", 0, most) < 0

    def _refuse_head(self, data: bytes) -> None:
        """Refuse a request head that exceeds the limit."""
        metrics.LIMITED.labels("head").inc()
        if self.busy:
            # An error now would end up in the middle of the response in flight.
            self._table.abort(self, "head")
            return
        self._closing = True
        self._begin_close()
        self._table.refuse(self)
        self._send_refusal(data, S3Error("RequestHeaderSectionTooLarge"))
        self._discard(data)

    def _begin_close(self) -> None:
        self.since = self.time()
        self._until = self.since + _REFUSAL_TIMEOUT_S

    def _begin_linger(self) -> None:
        if self._answered:
            self.since = self.time()
            self._until = self.since + min(_LINGER_S, self._table.client_timeout_s)

    def _discard(self, data: bytes) -> None:
        """Discard received bytes and wait for the shared discard rate."""
        if self.socket_transport is None or self.socket_transport.is_closing() or not data:
            return
        self.since = self.time()
        self._discarded += len(data)
        if self._discarded > _MAX_DISCARDED:
            self._table.abort(self, "refused")
        else:
            self._table.discarding.wait(self.socket_transport, len(data))

    def _check_chunks(self) -> None:
        """Refuse a body whose many tiny chunks, not its bytes, fill the buffer."""
        body = self._body
        if body is None or body.is_eof() or body.exception() is not None:
            return
        total = received_bytes(body)
        came, self._body_bytes = total - self._body_bytes, total
        # Reading resumes below the low-water mark: a pause because of bytes takes more than this.
        if came <= most_between_pauses(body):
            metrics.LIMITED.labels("chunks").inc()
            fail(body, TooManyChunks("chunks of a few bytes each"))

    def _send_refusal(self, data: bytes, failure: S3Error) -> None:
        """Send an error once the client has sent something, then stop reading requests."""
        if (
            self.socket_transport is None
            or self.socket_transport.is_closing()
            or self._refusal_sent
        ):
            return
        self._refusal_sent = True
        body = failure.to_xml(resource="/", request_id=new_request_id())
        fields = {"Server": "slimgate", "Connection": "close", **failure.headers}
        lines = [
            f"HTTP/1.1 {failure.status} {HTTPStatus(failure.status).phrase}",
            *(f"{name}: {value}" for name, value in fields.items()),
            f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n",
        ]
        head = "\r\n".join(lines).encode()
        self.socket_transport.write(head if data.startswith(b"HEAD ") else head + body)
        if failure.code == "SlowDown":
            metrics.SLOW_DOWNS.inc()
        if self.socket_transport.can_write_eof():
            # Closing now would reset the connection while the client sends, and drop the error.
            self.socket_transport.write_eof()
        else:
            self.socket_transport.close()


class SendProgress:
    """Track how fast one client drains its response buffer."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._last = 0
        self._moved = 0

    def is_too_slow(self, left: int, now: float, limits: Limits) -> bool:
        """Return whether the client read below the minimum rate; ``left`` bytes are unsent now."""
        if self._began is None:
            self._began, self._last = now, left
            return False
        self._moved += max(0, self._last - left)
        self._last = left
        if now - self._began < limits.client_timeout_s:
            return False
        slow = self._moved < limits.min_client_rate * limits.client_timeout_s
        self._began, self._moved = now, 0
        return slow
