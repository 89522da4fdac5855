"""Listings of a store in memory and of real ones as sources."""

import hashlib
import itertools
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import pytest

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.plan.listed import Listing, VersionListing
from slimgate.gateway.jobs.plan.source import Found, Position, Skipped, Source
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.object_client import Caller, ObjectClient, UpstreamClient
from slimgate.gateway.storage.upstream import Upstream
from tests.memory_store.store import MemoryStore
from tests.servers.server import S3Server

_VERSIONED: Final = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"

_numbers = itertools.count(1)


class Filled(NamedTuple):
    """A bucket, and who reads it."""

    client: ObjectClient
    place: Place


@pytest.fixture(params=["memory", "moto", pytest.param("rgw", marks=pytest.mark.ceph)])
async def filled(request: pytest.FixtureRequest) -> AsyncIterator[Filled]:
    """Return a bucket with versions in each of the stores in turn."""
    if request.param == "memory":
        yield await _filled(MemoryStore().client())
        return
    server: S3Server = request.getfixturevalue(request.param)
    identity = Identity(server.main.access, server.main.secret)
    async with Upstream(UpstreamSettings(endpoint=server.endpoint)) as upstream:
        yield await _filled(UpstreamClient(upstream, Caller(identity)))


async def _filled(client: ObjectClient) -> Filled:
    """Store objects with older versions, a deleted one, and one with another prefix."""
    place = Place(f"planned-{next(_numbers)}", "a/")
    await _send(client, Request("PUT", Target(place.bucket, "", "")))
    await _send(client, _put(Target(place.bucket, "", ""), _VERSIONED, "versioning="))
    for key, data in (
        ("a/ä +", b"1"), ("a/ä +", b"22"), ("a/gone", b"333"), ("a/z", b""), ("b", b"4"),
    ):  # fmt: skip
        await _send(client, _put(key_target(place.bucket, key), data))
    async with client.delete(key_target(place.bucket, "a/gone")) as response:
        assert response.status == 204
    return Filled(client, place)


def _put(target: Target, data: bytes, query: str = "") -> Request:
    digest = hashlib.sha256(data).hexdigest()
    return Request("PUT", target, query, body=data, length=len(data), payload_hash=digest)


async def _send(client: ObjectClient, request: Request) -> None:
    async with client.send(request) as response:
        assert response.status == 200


async def _read(source: Source, after: Position | None = None) -> list[tuple[Found, Position]]:
    return [
        (found, batch.after(index))
        async for batch in source.batches(after or {})
        for index, found in enumerate(batch.found)
    ]


async def test_current_objects(filled: Filled) -> None:
    """A listing has the current objects below the prefix, with all that is known about them."""
    whole = await _read(Listing(*filled))
    assert [(f.row.key, f.row.size, f.row.version) for f, _ in whole] == [
        ("a/z", 0, None),
        ("a/ä +", 2, None),
    ]
    assert whole[1][0].row.etag == hashlib.md5(b"22", usedforsecurity=False).hexdigest()
    assert whole[1][0].row.modified is not None
    assert await _read(Listing(*filled), whole[0][1]) == whole[1:]


async def test_versions(filled: Filled) -> None:
    """A listing of versions has the old ones, too, and names delete markers as such."""
    whole = await _read(VersionListing(*filled))
    shown = [(f.row.key, f.row.size, f.skipped) for f, _ in whole]
    assert sorted(shown, key=repr) == sorted(
        [
            ("a/gone", None, Skipped.DELETE_MARKER),
            ("a/gone", 3, None),
            ("a/z", 0, None),
            ("a/ä +", 2, None),
            ("a/ä +", 1, None),
        ],
        key=repr,
    )
    assert len({f.row.version for f, _ in whole}) == 5
    latest = [(f.row.key, f.row.size) for f, _ in whole if f.indexed_row.version is None]
    assert latest == [("a/z", 0), ("a/ä +", 2)]
