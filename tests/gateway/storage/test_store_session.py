"""Requests that are lost with a connection which the store has just closed."""

from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from slimgate.config import Upstream
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.bodies import LARGE, RepeatableBody
from slimgate.gateway.storage.messages import Body, Request
from slimgate.gateway.storage.store_session import StoreSession, open_session
from tests.servers.scripted import Scripted

_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_SMALL: Final = b"small"
_LARGE: Final = bytes(LARGE + 1)


async def _send(
    session: StoreSession, url: URL, method: str, body: Body = None, **conditions: str
) -> bytes:
    length = len(body) if isinstance(body, bytes) else None
    request = Request(method, key_target("bucket", "key"), body=body, length=length)
    headers = CIMultiDict({"Host": url.authority, "Content-Length": str(length or 0)})
    headers.update({name.replace("_", "-"): value for name, value in conditions.items()})
    response = await session.send(request, url, headers)
    return b"".join([piece async for piece in response.content.iter_any()])


async def _lost(method: str, body: Body = None, **conditions: str) -> bytes:
    """Send a request on a connection that the store closes."""
    scripted = Scripted([_OK, b""], [_OK])
    settings = Upstream(endpoint="http://127.0.0.1:1")
    async with (
        scripted.listening() as address,
        open_session(settings, 1, aiohttp.ClientRequest) as session,
    ):
        url = URL(f"http://{address}/bucket/key")
        assert await _send(session, url, "GET") == b"ok"
        return await _send(session, url, method, body, **conditions)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_idempotent_request_is_sent_again(method: str) -> None:
    """The client learns nothing of a connection that the store has closed while it was idle."""
    assert await _lost(method) == b"ok"


@pytest.mark.parametrize("body", [_SMALL, _LARGE], ids=["small", "large"])
async def test_a_body_at_hand_is_sent_again(body: bytes) -> None:
    """A body in memory goes out whole a second time."""
    assert await _lost("PUT", body) == b"ok"


async def test_a_condition_of_a_read_is_sent_again() -> None:
    """A read changes nothing that it asks for."""
    assert await _lost("GET", If_None_Match="*") == b"ok"


@pytest.mark.parametrize("body", [None, _SMALL, _LARGE], ids=["none", "small", "large"])
@pytest.mark.parametrize("condition", ["If_Match", "If_None_Match", "x_amz_write_offset_bytes"])
async def test_a_conditional_write_is_not_sent_again(body: Body, condition: str) -> None:
    """If the first one was applied, the second would be refused: a lost answer is an error."""
    with pytest.raises(aiohttp.ClientConnectionError):
        await _lost("PUT", body, **{condition: "1"})


async def test_other_methods_are_not_sent_again() -> None:
    """What is not idempotent may have been applied."""
    with pytest.raises(aiohttp.ClientConnectionError):
        await _lost("POST")


async def _pieces() -> AsyncIterator[bytes]:
    yield _SMALL


async def test_a_body_that_has_begun_is_not_sent_again() -> None:
    """What the client has sent is gone."""
    with pytest.raises(aiohttp.ClientConnectionError):
        await _lost("PUT", RepeatableBody(_pieces()).body)
