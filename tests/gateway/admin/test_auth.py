import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from slimgate.config import Admin
from slimgate.gateway.admin.auth import PROBES, SESSION_S, Access, Failures

_TOKEN: Final = "a token of the tests"
_SHORT: Final = "short token"

Client = TestClient[web.Request, web.Application]


class _Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def _access(token: str | None, clock: _Clock | None = None) -> Access:
    secret = None if token is None else SecretStr(token)
    return Access(Admin(token=secret), clock=clock or _Clock())


@asynccontextmanager
async def _serving(access: Access) -> AsyncIterator[Client]:
    """Serve a secret on every path, and the login."""

    async def sign_in(request: web.Request) -> web.Response:
        return web.Response(text=access.sign_in(request, request.query["token"]) or "")

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    app = web.Application(middlewares=[access.middleware()])
    app.router.add_get("/_slimgate/login", sign_in)
    app.router.add_route("*", "/{any:.*}", page)
    async with TestClient(TestServer(app)) as client:
        yield client


async def _status(client: Client, method: str = "GET", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.request(method, "/page", headers=named, allow_redirects=False) as response:
        assert (response.status == 200) == ("secret" in await response.text())
        return response.status


async def _cookie(client: Client, token: str) -> str:
    async with client.get("/_slimgate/login", params={"token": token}) as response:
        return await response.text()


async def test_a_token_opens() -> None:
    """Only the bearer token is accepted, and browsers are redirected to the login."""
    async with _serving(_access(_TOKEN)) as client:
        assert await _status(client, Authorization=f"Bearer {_TOKEN}") == 200
        assert await _status(client, Authorization=f"bearer {_TOKEN}") == 200
        for wrong in (f"Bearer {_TOKEN}x", "Bearer ", f"Basic {_TOKEN}", _TOKEN, "Bearer \xff"):
            assert await _status(client, Authorization=wrong) == 401
        assert await _status(client) == 401
        assert await _status(client, Accept="text/html,*/*") == 303
        assert await _status(client, "POST", Accept="text/html,*/*") == 401


@pytest.mark.parametrize("token", [_TOKEN, None])
async def test_probes_need_no_token(token: str | None) -> None:
    """Without a token, strangers read the first line of a probe; a wrong token is an error."""
    async with _serving(_access(token)) as client:
        for path in PROBES:
            async with client.get(path) as response:
                text = await response.text()
            assert (response.status, text) == (200, "secret" if token is None else "secret\n")
            async with client.get(path, headers={"Authorization": "Bearer wrong"}) as response:
                assert response.status == (200 if token is None else 401)


async def test_a_cookie_stands_for_the_token() -> None:
    """A session lasts a while; its cookie neither reveals the token nor can be forged."""
    clock = _Clock()
    access = _access(_TOKEN, clock)
    async with _serving(access) as client:
        value = await _cookie(client, _TOKEN)
        assert _TOKEN not in value
        assert await _status(client, Cookie=f"{access.cookie}={value}") == 200
        expires, _, mac = value.partition(".")
        for forged in (f"{int(expires) + 1}.{mac}", f"{expires}.", f".{mac}", "x", f"{value}0"):
            assert await _status(client, Cookie=f"{access.cookie}={forged}") == 401
        clock.now += SESSION_S
        assert await _status(client, Cookie=f"{access.cookie}={value}") == 401
    other = _access("another token", clock)
    assert other.cookie != access.cookie
    async with _serving(other) as client:
        assert await _status(client, Cookie=f"{other.cookie}={value}") == 401


async def test_a_cookie_of_any_bytes_is_refused() -> None:
    """A cookie that is not UTF-8 is wrong like any other."""
    access = _access(_TOKEN)
    async with _serving(access) as client:
        assert client.port is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        head = f"GET /page HTTP/1.1\r\nHost: a\r\nCookie: {access.cookie}=1.".encode()
        writer.write(head + b"\xff\r\nConnection: close\r\n\r\n")
        status = await reader.readline()
        writer.close()
        await writer.wait_closed()
    assert status.startswith(b"HTTP/1.1 401 ")


async def test_guessing_is_slow() -> None:
    """After ten wrong tokens a short right one is refused, too; a cookie still works."""
    access = _access(_SHORT)
    async with _serving(access) as client:
        value = await _cookie(client, _SHORT)
        for number in range(10):
            if number % 2:
                assert await _cookie(client, str(number)) == ""
            else:
                assert await _status(client, Authorization=f"Bearer {number}") == 401
        assert await _status(client, Authorization=f"Bearer {_SHORT}") == 429
        assert "too many" in await _cookie(client, _SHORT)
        assert await _status(client, Cookie=f"{access.cookie}={value}") == 200


async def test_strangers_do_not_lock_out() -> None:
    """A token that cannot be guessed is accepted after any number of wrong ones."""
    async with _serving(_access(_TOKEN)) as client:
        for number in range(11):
            status = await _status(client, Authorization=f"Bearer {number}")
            assert status == (401 if number < 10 else 429)
        assert await _status(client, Authorization=f"Bearer {_TOKEN}") == 200


async def test_an_outdated_scraper_does_not_lock_out() -> None:
    """The same wrong token counts once."""
    async with _serving(_access(_SHORT)) as client:
        for _ in range(20):
            assert await _status(client, Authorization="Bearer outdated") == 401
        assert await _status(client, Authorization=f"Bearer {_SHORT}") == 200


def test_failures_are_forgotten() -> None:
    """Wrong tokens count for a minute, per address or IPv6 network, in bounded memory."""
    clock = _Clock()
    failures = Failures(clock)
    for number in range(10):
        failures.note(f"2001:db8::{number}", b"%d" % number)
    assert failures.blocked("2001:db8::ffff")
    assert not failures.blocked("2001:db9::1")
    clock.now += 60
    assert not failures.blocked("2001:db8::1")
    for number in range(3000):
        failures.note(f"10.0.{number // 256}.{number % 256}", b"wrong")
    assert len(failures._guesses) == 1024
    failures.note(None, b"")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:9001", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:9001", 403),
        ("", 403),
        ("[", 403),
    ],
)
async def test_loopback_has_few_names(host: str, expected: int) -> None:
    """Without a token only loopback names are served, against DNS rebinding."""
    async with _serving(_access(None)) as client:
        assert await _status(client, Host=host) == expected


@pytest.mark.parametrize("token", [None, _TOKEN])
async def test_pages_of_others_change_nothing(token: str | None) -> None:
    """Cross-site requests are refused, signed in or not."""
    access = _access(token)
    async with _serving(access) as client:
        known = {} if token is None else {"Authorization": f"Bearer {token}"}
        here = {**known, "Host": "localhost:9001"}
        assert await _status(client, "POST", **here) == 200
        assert await _status(client, "POST", **here, Origin="http://localhost:9001") == 200
        assert await _status(client, "POST", **here, Origin="https://LOCALHOST:9001") == 200
        assert await _status(client, "POST", **here, Sec_Fetch_Site="same-origin") == 200
        for origin in ("http://evil.example", "http://localhost:9002", "null", ""):
            assert await _status(client, "POST", **here, Origin=origin) == 403
        assert await _status(client, "DELETE", **here, Sec_Fetch_Site="cross-site") == 403
        assert await _status(client, **here, Sec_Fetch_Site="cross-site") == 200
