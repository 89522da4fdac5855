"""Credentials that the store rejects before the gateway expects it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from slimgate.config import Upstream as UpstreamSettings
from slimgate.config import UpstreamCredentials
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.credentials.registry import CredentialRegistry
from slimgate.gateway.storage.messages import Body, Request, read_bounded
from slimgate.gateway.storage.upstream import UNSIGNED_PAYLOAD, Upstream
from tests.servers.roles import ROLE, RoleStore, role_store
from tests.servers.server import S3Server

_DATA: Final = b"data" * 1000


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
    """A body that has been sent is gone: the client gets the store's error, and tries again."""
    body = _Stream()
    async with (
        _opened(roles, tmp_path) as (upstream, source),
        upstream.send(_put(body), source) as response,
    ):
        assert response.status == 400
        assert b"<Code>ExpiredToken</Code>" in await read_bounded(response, 1 << 16)
    assert body.begun == 1


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
    """If STS fails, the store's error stands."""
    async with _opened(roles, tmp_path) as (upstream, source):
        roles.works = False
        async with upstream.send(_put(_DATA), source) as response:
            assert response.status == 400
            assert b"<Code>ExpiredToken</Code>" in await read_bounded(response, 1 << 16)
