"""Credentials that the store rejects before the gateway expects it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from slimgate.config import Upstream as UpstreamSettings
from slimgate.config import UpstreamCredentials
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import CredentialSource, Identity
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.credentials.refreshing import Obtained, RefreshingCredentials
from slimgate.gateway.storage.credentials.registry import CredentialRegistry
from slimgate.gateway.storage.messages import Body, Request, read_bounded
from slimgate.gateway.storage.upstream import UNSIGNED_PAYLOAD, Upstream
from tests.servers.roles import ROLE, RoleStore, role_store
from tests.servers.server import S3Server

_DATA: Final = b"data" * 1000
_ERROR: Final = b"<Error><Code>ExpiredToken</Code></Error>"
_HEAD: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(_ERROR)


@pytest.fixture
def roles(moto: S3Server) -> Iterator[RoleStore]:
    """Run a store that knows roles."""
    with role_store(moto) as (store, _):
        yield store


@asynccontextmanager
async def _opened(
    roles: RoleStore, tmp_path: Path
) -> AsyncIterator[tuple[Upstream, CredentialSource]]:
    """Open the store, with credentials that it has just let expire."""
    file = tmp_path / "token"
    file.write_text("web-token")
    settings = UpstreamSettings(endpoint=roles.endpoint, sts_endpoint=roles.endpoint)
    registry = CredentialRegistry(settings)
    source = registry.source(UpstreamCredentials(role_arn=ROLE, web_identity_token_file=str(file)))
    async with Upstream(settings) as upstream:
        async with upstream.send(Request("PUT", Target("signing", "", "")), source) as response:
            assert response.status == 200
        source._obtained_at -= 2  # type: ignore[attr-defined]  # renewed at most once a second
        roles.revoke_all()
        yield upstream, source
    await registry.close()


def _put(body: Body, *, expects: bool = False) -> Request:
    return Request(
        "PUT", key_target("signing", "k"), body=body, length=len(_DATA),
        payload_hash=UNSIGNED_PAYLOAD, expects=expects,
    )  # fmt: skip


class _Stream:
    """A body that counts how often it is begun."""

    def __init__(self) -> None:
        self.begun = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.begun += 1
        yield _DATA


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
async def test_a_request_is_repeated(roles: RoleStore, tmp_path: Path, method: str) -> None:
    """What is in memory is sent again with other credentials, which later requests use at once."""
    # Moto answers HEAD of what is missing with 404: by then, the credentials are accepted.
    request = _put(_DATA) if method == "PUT" else Request(method, key_target("signing", "gone"))
    async with _opened(roles, tmp_path) as (upstream, source):
        for _ in range(2):
            async with upstream.send(request, source) as response:
                assert response.status == (200 if method == "PUT" else 404)
                await read_bounded(response, 1 << 16)
    assert roles.refusals == ["ExpiredToken"]
    assert len(roles.issued) == 2


async def test_a_stream_is_not_repeated(roles: RoleStore, tmp_path: Path) -> None:
    """A body that has been sent is gone: the client tries again, with credentials obtained now."""
    body = _Stream()
    async with _opened(roles, tmp_path) as (upstream, source):
        await _refused(upstream, source, body)
        async with upstream.send(_put(_DATA), source) as response:
            assert response.status == 200
    assert body.begun == 1
    assert (roles.refusals, len(roles.issued)) == (["ExpiredToken"], 2)


async def test_a_body_that_begins_late_is_not_repeated() -> None:
    """The store asks for a body and refuses at once: what has begun meanwhile does not go twice."""
    body, seen = _Stream(), list[bytes]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + _HEAD)
            seen.append(await reader.readexactly(1))
            writer.write(_ERROR)
            await writer.drain()

    async def obtain() -> Obtained:
        obtained.append(Identity(f"key{len(obtained)}", "secret", "token"))
        return Obtained(obtained[-1], None)

    obtained = list[Identity]()
    source = RefreshingCredentials("role x", obtain, "role x")
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Upstream(UpstreamSettings(endpoint=f"http://127.0.0.1:{port}")) as upstream:
        await source.current()
        source._obtained_at -= 2  # renewed at most once a second
        await _refused(upstream, source, body, expects=True)
    assert (body.begun, len(obtained), len(seen)) == (1, 2, 2)


async def _refused(
    upstream: Upstream, source: CredentialSource, body: Body, *, expects: bool = False
) -> None:
    """Send a body in vain: the client is told nothing of the gateway's credentials."""
    with pytest.raises(S3Error, match="no valid credentials") as caught:
        async with upstream.send(_put(body, expects=expects), source):
            pytest.fail("it was answered")
    assert caught.value.code == "ServiceUnavailable"


async def test_other_refusals_pass(roles: RoleStore, tmp_path: Path) -> None:
    """A refusal that is not about the credentials arrives whole, and refreshes nothing."""
    async with _opened(roles, tmp_path) as (upstream, source):
        async with upstream.send(_put(_DATA), source) as response:
            assert response.status == 200
        roles.permits = lambda *_: False
        async with upstream.send(_put(_DATA), source) as response:
            assert response.status == 403
            assert b"<Code>AccessDenied</Code>" in await read_bounded(response, 1 << 16)
    assert len(roles.issued) == 2


async def test_credentials_that_cannot_be_renewed(roles: RoleStore, tmp_path: Path) -> None:
    """If STS fails, nothing that the store says about the gateway's token reaches the client."""
    async with _opened(roles, tmp_path) as (upstream, source):
        roles.works = False
        await _refused(upstream, source, _DATA)
