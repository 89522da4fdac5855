"""Listings of a real server, and of servers that do not behave."""

import hashlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.listing import Entry, page
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.storage.errors import Denied
from slimgate.gateway.storage.object_client import Caller, UpstreamClient
from slimgate.gateway.storage.upstream import Upstream
from tests.servers.clients import s3_client
from tests.servers.server import S3Server

_KEYS = sorted(
    ["a b", "a+b", "a%41", "a/ä", "a\u2028", "b/", "b/\U0001f600", *(f"n{i:04}" for i in range(9))],
    key=str.encode,
)


async def _listed(endpoint: str, place: Place, *, after: str = "") -> list[Entry]:
    async with Upstream(UpstreamSettings(endpoint=endpoint)) as upstream:
        client = UpstreamClient(upstream, Caller(Identity("main", "main-secret")))
        listed: list[Entry] = []
        more = True
        while more:
            entries, more = await page(client, place, after)
            listed += entries
            after = entries[-1].key if entries else after
        return listed


def _fill(server: S3Server, bucket: str) -> None:
    with s3_client(server) as client:
        for key in _KEYS:
            client.put_object(Bucket=bucket, Key=key, Body=b"123")


async def test_every_key_is_listed(moto: S3Server, moto_bucket: str) -> None:
    """Keys come as they are, whatever is in them."""
    _fill(moto, moto_bucket)
    entries = await _listed(moto.endpoint, Place(moto_bucket, ""))
    shown = [entry._replace(modified=None) for entry in entries]
    etag = hashlib.md5(b"123", usedforsecurity=False).hexdigest()
    assert shown == [Entry(key, 3, etag) for key in _KEYS]
    assert all(entry.modified and entry.modified.tzinfo for entry in entries)


@pytest.mark.parametrize("after", [_KEYS[0], _KEYS[4], _KEYS[-1]])
async def test_a_listing_goes_on_after_any_key(
    moto: S3Server, moto_bucket: str, after: str
) -> None:
    """From any key the listing goes on with the next one."""
    _fill(moto, moto_bucket)
    entries = await _listed(moto.endpoint, Place(moto_bucket, ""), after=after)
    assert [entry.key for entry in entries] == _KEYS[_KEYS.index(after) + 1 :]


async def test_only_the_prefix_is_listed(moto: S3Server, moto_bucket: str) -> None:
    """Keys that do not begin with the prefix are left out."""
    _fill(moto, moto_bucket)
    entries = await _listed(moto.endpoint, Place(moto_bucket, "b/"))
    assert [entry.key for entry in entries] == ["b/", "b/\U0001f600"]


async def test_a_bucket_that_is_not_there(moto: S3Server) -> None:
    """It is said that the bucket cannot be listed."""
    with pytest.raises(Denied, match="does it exist"):
        await _listed(moto.endpoint, Place("there-is-none", ""))


@pytest.fixture
async def odd(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Run a server that answers every listing with the same text; yield its URL."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=request.param, content_type="application/xml")

    app = web.Application()
    app.router.add_route("GET", "/{anything:.*}", answer)
    async with TestServer(app) as server:
        yield f"http://{server.host}:{server.port}"


_ENDLESS = (
    "<ListBucketResult><IsTruncated>true</IsTruncated>"
    "<Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>"
)


@pytest.mark.parametrize(
    "odd",
    [
        "no xml",
        _ENDLESS,
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>",
        _ENDLESS.replace("<Size>1", "<Size>-1"),
        _ENDLESS.replace("<Size>1", f"<Size>{'9' * 20}"),
    ],
    indirect=True,
)
async def test_an_odd_listing_ends(odd: str) -> None:
    """A listing that makes no sense, or does not get on, is an error and not an endless loop."""
    with pytest.raises(S3Error, match="InternalError"):
        await _listed(odd, Place("bucket", ""))
