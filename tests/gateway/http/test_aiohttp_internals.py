"""What the gateway relies on inside aiohttp, of whatever version is installed.

A failure here means that aiohttp works otherwise inside than the gateway takes it to. Read what
has changed and mend ``aiohttp_internals.py`` or ``aiohttp_client_internals.py``; then raise the
cap of aiohttp in pyproject.toml.
"""

import asyncio
import importlib.metadata
import inspect
import re
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import BadStatusLine
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_runner import BaseRunner
from multidict import CIMultiDict
from packaging.requirements import Requirement
from yarl import URL

from slimgate.gateway.http.aiohttp_client_internals import (
    BareRequests,
    BareResponse,
    bounded_request,
    readable,
    send_once,
)
from slimgate.gateway.http.aiohttp_internals import (
    SERVER_SOFTWARE,
    Handler,
    LineTooLong,
    ProtocolRunner,
    ServerProtocol,
    fail,
    has_begun,
    hold_head,
    most_between_pauses,
    received_bytes,
    transports,
    write_with_head,
)
from tests.servers.scripted import Scripted

_PROJECT: Final = Path(__file__).parents[3] / "pyproject.toml"
_BUFFER: Final = 1 << 12
_POST: Final = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
_GET: Final = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"

_INSIDE: Final = {"aiohttp_client_internals.py", "aiohttp_internals.py"}
_DOCUMENTED: Final = {"aiohttp", "aiohttp.abc", "aiohttp.web", "aiohttp.typedefs"}

_SIGNATURES: Final = [
    (RequestHandler.connection_made, ["self", "transport"]),
    (RequestHandler.data_received, ["self", "data"]),
    (RequestHandler.connection_lost, ["self", "exc"]),
    (RequestHandler.close, ["self"]),
    (RequestHandler.handle_error, ["self", "request", "status", "exc", "message"]),
    (BaseProtocol.pause_reading, ["self"]),
    (BaseProtocol.resume_writing, ["self"]),
    (BaseRunner._make_server, ["self"]),
    (web.Server.__call__, ["self"]),
    (aiohttp.ClientRequest.write_bytes, ["self", "writer", "conn", "content_length"]),
    (StreamReader.get_read_buffer_limits, ["self"]),
]


def test_the_version_is_one_that_was_looked_at() -> None:
    """The installed version is within the declared bounds, and the bounds are tight."""
    declared = tomllib.loads(_PROJECT.read_text())["project"]["dependencies"]
    (bounds,) = (Requirement(each) for each in declared if Requirement(each).name == "aiohttp")
    installed = importlib.metadata.version("aiohttp")
    assert bounds.specifier.contains(installed), f"aiohttp {installed} has not been looked at"
    major, minor, *_ = installed.split(".")
    assert not bounds.specifier.contains(f"{major}.{int(minor) + 1}.0"), "aiohttp has no cap"


@pytest.mark.parametrize(
    ("method", "expected"), _SIGNATURES, ids=[each.__qualname__ for each, _ in _SIGNATURES]
)
def test_what_is_overridden_takes_these_arguments(method: Any, expected: list[str]) -> None:
    """An overridden method is called with the arguments that the override takes."""
    assert list(inspect.signature(method).parameters) == expected


@pytest.mark.parametrize("package", ["gateway", "eval", "models", "bench"])
def test_two_modules_look_inside(package: str) -> None:
    """All other modules import only documented names of aiohttp."""
    imported = re.compile(r"^ *(?:from|import) (aiohttp[\w.]*)", re.MULTILINE)
    inside = {
        f"{path.relative_to(_PROJECT.parent)}: {name}"
        for path in (_PROJECT.parent / package).rglob("*.py")
        if path.name not in _INSIDE
        for name in imported.findall(path.read_text())
        if name not in _DOCUMENTED
    }
    assert inside == set()


def test_connections_take_these_options() -> None:
    """A connection accepts its loop and lingering time as keyword arguments."""
    parameters = inspect.signature(RequestHandler.__init__).parameters
    assert {"manager", "loop", "lingering_time"} <= set(parameters)


class _Protocol(ServerProtocol):
    """A protocol that records aiohttp's calls in order."""

    def __init__(self, server: web.Server, events: list[str], **options: Any) -> None:
        super().__init__(server, **options)
        self.events = events
        self.paused = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.events.append("connection_made")
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        before = self.parsed
        super().data_received(data)
        if data:
            body = self.newest_body
            waiting = "none" if body is None else f"body of {received_bytes(body)}"
            self.events.append(f"data_received: {self.parsed - before} parsed, {waiting}")

    def pause_reading(self) -> None:
        self.paused.set()
        super().pause_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.events.append("connection_lost")
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        self.events.append(f"handle_error: {status}, {type(exc).__name__}, {has_begun(request)}")
        return web.Response(status=status, text="ours")


class _Runner(ProtocolRunner):
    """A runner with recording protocols."""

    def __init__(self, app: web.Application, events: list[str], **options: Any) -> None:
        super().__init__(app, **options)
        self.events = events

    def protocol(self, server: web.Server, options: Mapping[str, Any]) -> ServerProtocol:
        return _Protocol(server, self.events, **options)

    def handler(self, inner: Handler) -> Handler:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            assert isinstance(request.protocol, _Protocol)
            self.events.append("handler")
            return await inner(request)

        return handle


class _Lab:
    """A server and one connection to it."""

    def __init__(self, runner: _Runner, client: tuple[asyncio.StreamReader, Any]) -> None:
        self.runner, self.events = runner, runner.events
        self.reader, self.writer = client

    async def answered(self) -> bytes:
        """Return the next response head."""
        async with asyncio.timeout(20):
            return await self.reader.readuntil(b"\r\n\r\n")


@asynccontextmanager
async def _lab(answer: Any) -> AsyncIterator[_Lab]:
    app = web.Application()
    app.router.add_route("*", "/", answer)
    runner = _Runner(app, [], read_bufsize=_BUFFER)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        client = await asyncio.open_connection(*runner.addresses[0][:2])
        try:
            yield _Lab(runner, client)
        finally:
            client[1].close()
    finally:
        await runner.cleanup()


async def _read(request: web.Request) -> web.Response:
    return web.Response(text=str(len(await request.read())))


async def test_a_connection_is_served_in_this_order() -> None:
    """Calls come in order: made, data parsed with the body available, handled, lost."""
    async with _lab(_read) as lab:
        lab.writer.write(_POST % 3 + b"abc")
        assert (await lab.answered()).startswith(b"HTTP/1.1 200 ")
        assert len(transports(lab.runner.server)) == 1
    assert lab.events == [
        "connection_made",
        "data_received: 1 parsed, body of 3",
        "handler",
        "connection_lost",
    ]
    assert transports(lab.runner.server) == []


async def test_an_unread_body_pauses_reading() -> None:
    """Flow control pauses above the high-water mark, at least the marks' difference apart."""
    came: list[bool] = []

    async def answer(request: web.Request) -> web.Response:
        body = request.content
        assert isinstance(request.protocol, _Protocol)
        async with asyncio.timeout(20):
            await request.protocol.paused.wait()
        came.append(received_bytes(body) > most_between_pauses(body) > 0)
        return await _read(request)

    async with _lab(answer) as lab:
        lab.writer.write(_POST % 100_000 + bytes(100_000))
        assert (await lab.answered()).startswith(b"HTTP/1.1 200 ")
    assert came == [True]


async def test_a_body_can_be_failed() -> None:
    """A failed body raises the error in its reader."""

    async def answer(request: web.Request) -> web.Response:
        fail(request.content, LookupError("ours"))
        with pytest.raises(LookupError, match="ours"):
            await request.read()
        return web.Response(headers={"Connection": "close"})

    async with _lab(answer) as lab:
        lab.writer.write(_POST % 3)
        head = await lab.answered()
    assert head.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"GET / HTTP/one\r\n\r\n", BadStatusLine),
        (_GET[:-2] + b"x: " + b"y" * 10_000 + b"\r\n\r\n", LineTooLong),
    ],
)
async def test_what_is_no_http_is_answered_by_the_protocol(
    sent: bytes, error: type[Exception]
) -> None:
    """Malformed requests go to `handle_error`, not to the handler."""
    async with _lab(_read) as lab:
        lab.writer.write(sent)
        assert (await lab.answered()).split()[1] == b"400"
    assert f"handle_error: 400, {error.__name__}, False" in lab.events
    assert "handler" not in lab.events


async def test_an_answer_says_when_it_has_begun() -> None:
    """A response counts as begun from its first byte."""
    begun: list[bool] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        begun.append(has_begun(request))
        await response.prepare(request)
        await response.write(b"x")
        begun.append(has_begun(request))
        return response

    async with _lab(answer) as lab:
        lab.writer.write(_GET)
        head = await lab.answered()
    assert begun == [False, True]
    assert f"\r\nServer: {SERVER_SOFTWARE}\r\n".encode() in head


@pytest.mark.parametrize("size", [1, 1 << 10, 3 << 20])
async def test_a_held_head_goes_out_with_its_body(size: int) -> None:
    """Head and body go out together, once, and the connection serves the next request."""
    body, sent = bytes(range(256)) * (size // 256) or b"x", list[bool]()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        hold_head(response)
        await response.prepare(request)
        sent.append(has_begun(request))
        sent.append(await write_with_head(request, memoryview(body)))
        sent.append(await write_with_head(request, memoryview(body)))
        await response.write_eof()
        assert response.body_length == request.writer.output_size > len(body)
        return response

    async with _lab(answer) as lab:
        for _ in range(2):
            lab.writer.write(_GET)
            assert (await lab.answered()).startswith(b"HTTP/1.1 200 ")
            assert await lab.reader.readexactly(len(body)) == body
    assert sent == [False, True, False] * 2


@pytest.mark.parametrize(
    ("headers", "method"), [({}, "GET"), ({"Content-Length": "9"}, "GET"), ({}, "HEAD")]
)
async def test_only_a_body_as_announced_goes_out_with_its_head(
    headers: dict[str, str], method: str
) -> None:
    """A chunked response, one of another length, and one without a body are left to aiohttp."""
    sent: list[bool] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        hold_head(response)
        await response.prepare(request)
        sent.append(await write_with_head(request, memoryview(b"body")))
        return response

    async with _lab(answer) as lab:
        lab.writer.write(_GET.replace(b"GET", method.encode()))
        assert (await lab.answered()).startswith(b"HTTP/1.1 200 ")
    assert sent == [False]


async def test_a_client_that_has_gone_is_an_error() -> None:
    """Nothing is written to a connection that is closing."""
    failed: list[bool] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "4"})
        hold_head(response)
        await response.prepare(request)
        assert request.transport is not None
        request.transport.abort()
        try:
            await write_with_head(request, memoryview(b"body"))
        except ConnectionError:
            failed.append(True)
        return response

    async with _lab(answer) as lab:
        lab.writer.write(_GET)
        assert await lab.reader.read() == b""
    assert failed == [True]


@pytest.mark.parametrize(("says", "silences"), [(True, 0), (False, 1)])
async def test_a_request_waits_for_a_future_of_its_own(says: bool, silences: int) -> None:
    """`write_bytes` sends the head, waits for `_continue`, and only then sends the body."""
    silent: list[None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        assert not reader._buffer  # type: ignore[attr-defined]  # the body waits
        if says:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await reader.readexactly(4) == b"body"
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    waiting = bounded_request(30 if says else 0.05, lambda: silent.append(None))
    async with server, aiohttp.ClientSession(request_class=waiting) as session:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with session.put(url, data=b"body", expect100=True) as response:
            assert response.status == 204
    assert len(silent) == silences


@asynccontextmanager
async def _requests(
    scripted: Scripted, **timeouts: float
) -> AsyncIterator[tuple[BareRequests, URL]]:
    timeout = aiohttp.ClientTimeout(total=None, **timeouts)
    async with scripted.listening() as address, aiohttp.ClientSession(timeout=timeout) as session:
        yield BareRequests(session, 1 << 16), URL(f"http://{address}/a%20b?c=%7E", encoded=True)


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_session_that_sends_once_repeats_nothing(method: str) -> None:
    """A lost connection is an error, also where a session repeats requests by itself."""
    scripted = Scripted([_OK, b""], [_OK])
    async with scripted.listening() as address, aiohttp.ClientSession() as session:
        send_once(session)
        async with session.request(method, f"http://{address}/") as response:
            assert await response.read() == b"ok"
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.request(method, f"http://{address}/")


_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok"
_HEADERS: Final = CIMultiDict({"Host": "h", "X-B": "ü"})


async def _body(response: BareResponse) -> bytes:
    return b"".join([piece async for piece in response.content.iter_any()])


async def test_a_bare_request_is_sent_as_it_is_and_its_connection_used_again() -> None:
    """Path, query and headers go out unchanged; the next request takes the same connection."""
    scripted = Scripted([b"HTTP/1.1 103 Early Hints\r\n\r\n" + _OK, _OK])
    async with _requests(scripted) as (requests, url):
        for _ in range(2):
            response = await requests.send("GET", url, _HEADERS)
            assert (response.status, response.headers["x-a"]) == (200, "1")
            assert await _body(response) == b"ok"
            response.release()
    assert scripted.heads == ["GET /a%20b?c=%7E HTTP/1.1\r\nHost: h\r\nX-B: ü\r\n\r\n".encode()] * 2


async def test_a_response_to_head_has_no_body() -> None:
    """The length in a response to HEAD is not waited for."""
    scripted = Scripted([_OK.removesuffix(b"ok"), _OK])
    async with _requests(scripted) as (requests, url):
        head = await requests.send("HEAD", url, _HEADERS)
        assert (head.headers["Content-Length"], head.content.at_eof()) == ("2", True)
        assert await _body(await requests.send("GET", url, _HEADERS)) == b"ok"


@pytest.mark.parametrize("how", ["closed unread", "asked to close", "bytes too many"])
async def test_a_connection_that_is_not_clean_is_not_used_again(how: str) -> None:
    """What remains of one response never becomes the next one."""
    first = _OK + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad" if how[0] == "b" else _OK
    scripted = Scripted([first if how[0] != "c" else _OK[:-1], _OK], [_OK])
    headers = CIMultiDict(_HEADERS, Connection="close") if how[0] == "a" else _HEADERS
    async with _requests(scripted) as (requests, url):
        response = await requests.send("GET", url, headers)
        if how == "closed unread":
            response.close()
            with pytest.raises(aiohttp.ClientConnectionError):
                await _body(response)
        else:
            assert await _body(response) == b"ok"
        assert await _body(await requests.send("GET", url, _HEADERS)) == b"ok"
    assert len(scripted.heads) == 2


async def test_a_lost_connection_is_an_error() -> None:
    """A request on a connection that is being closed is sent once; the next one gets another."""
    scripted = Scripted([_OK, b""], [_OK])
    async with _requests(scripted) as (requests, url):
        assert await _body(await requests.send("GET", url, _HEADERS)) == b"ok"
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await requests.send("GET", url, _HEADERS)
        assert await _body(await requests.send("GET", url, _HEADERS)) == b"ok"


async def test_a_small_body_is_sent_with_the_head() -> None:
    """The server gets a body right behind the head."""
    scripted = Scripted([_OK, b"", _OK])
    headers = CIMultiDict({"Host": "h", "Content-Length": "4"})
    async with _requests(scripted) as (requests, url):
        assert await _body(await requests.send("PUT", url, headers, b"\r\n\r\n")) == b"ok"
        assert await _body(await requests.send("GET", url, _HEADERS)) == b"ok"
    head = b"PUT /a%20b?c=%7E HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"
    assert scripted.heads[:2] == [head, b"\r\n\r\n"]


async def test_a_body_that_ends_early_is_an_error() -> None:
    """A connection lost within a body fails the reader."""
    async with _requests(Scripted([_OK[:-1]])) as (requests, url):
        response = await requests.send("GET", url, _HEADERS)
        with pytest.raises(aiohttp.ClientPayloadError):
            await _body(response)
        response.close()


async def test_what_is_not_http_is_an_error_of_the_client() -> None:
    """A malformed response fails the request."""
    async with _requests(Scripted([b"SSH-2.0-x\r\n\r\n"])) as (requests, url):
        with pytest.raises(aiohttp.ClientError):
            await requests.send("GET", url, _HEADERS)


async def test_a_server_that_is_silent_is_given_up() -> None:
    """The time without bytes is bounded, before the response and within its body."""
    async with _requests(Scripted([b"", _OK], [_OK[:-1], _OK]), sock_read=0.05) as (requests, url):
        with pytest.raises(TimeoutError):
            await requests.send("GET", url, _HEADERS)
        response = await requests.send("GET", url, _HEADERS)
        with pytest.raises(TimeoutError):
            await _body(response)
        response.close()


async def test_a_header_cannot_end_its_line() -> None:
    """A value with a line break is refused before anything is sent."""
    scripted = Scripted([_OK])
    async with _requests(scripted) as (requests, url):
        with pytest.raises(ValueError, match="header"):
            await requests.send("GET", url, CIMultiDict({"Host": "h\r\nX: y"}))
    assert scripted.heads == []


async def test_a_body_at_hand_is_read_like_one_that_arrives() -> None:
    """A body made of bytes ends after them."""
    content = readable(b"body")
    assert [piece async for piece in content.iter_any()] == [b"body"]
    assert content.at_eof()
    assert readable(b"").at_eof()
