"""One suite for every store: the one in memory, moto and Ceph RGW behave alike, or say how not."""

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

import pytest
from multidict import CIMultiDict

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.listing import page
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.conditional_writes import check_conditional_writes
from slimgate.gateway.storage.errors import Changed, Denied
from slimgate.gateway.storage.messages import Request, read_bounded
from slimgate.gateway.storage.object_client import Caller, ObjectClient, UpstreamClient
from slimgate.gateway.storage.upstream import Upstream
from tests.memory_store.store import MemoryStore
from tests.servers.server import S3Server

_BODY: Final = bytes(range(256)) * 300
_MIN_PART: Final = 5 << 20
"""Bytes: stores refuse smaller parts, except for the last one."""

_VERSIONING: Final = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
_RETENTION: Final = (
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
    "<DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
    "</ObjectLockConfiguration>"
)
_ALL_USERS: Final = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Store:
    """A store, and where it differs from S3.

    Attributes:
        client: Of the owner of all buckets.
        stranger: Client without a key.
        refuses_strangers: It checks permissions.
        conditional_with_versions: If-Match works for writes into buckets with versions.
        quoted_if_match: It takes If-Match of a write with the quotes of the ETag.
        tags_follow_read: Whoever may read an object may read its tags.
    """

    client: ObjectClient
    stranger: ObjectClient
    refuses_strangers: bool = True
    conditional_with_versions: bool = True
    quoted_if_match: bool = True
    tags_follow_read: bool = False


@pytest.fixture(params=["memory", "moto", pytest.param("rgw", marks=pytest.mark.ceph)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Return each of the stores in turn."""
    if request.param == "memory":
        memory = MemoryStore()
        yield Store(memory.client(), memory.client(None))
        return
    server: S3Server = request.getfixturevalue(request.param)
    identity = Identity(server.main.access, server.main.secret)
    async with Upstream(UpstreamSettings(endpoint=server.endpoint)) as upstream:
        found = Store(
            UpstreamClient(upstream, Caller(identity)), UpstreamClient(upstream, Caller(None))
        )
        if server.is_moto:
            yield replace(found, refuses_strangers=False)
        else:
            yield replace(  # as Ceph 16 is
                found,
                conditional_with_versions=False,
                quoted_if_match=False,
                tags_follow_read=True,
            )


def _put(
    target: Target, data: bytes, query: str = "", said: Mapping[str, str] | None = None
) -> Request:
    digest = hashlib.sha256(data).hexdigest()
    return Request("PUT", target, query, CIMultiDict(said or {}), data, len(data), digest)


async def _done(client: ObjectClient, request: Request) -> Mapping[str, str]:
    """Send a request that has to succeed; return the headers of the answer."""
    async with client.send(request) as response:
        assert response.status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}
        return response.headers


async def _bucket(client: ObjectClient, *, versions: bool = False, locks: bool = False) -> str:
    name = f"store-{next(_numbers)}"
    about = {"x-amz-bucket-object-lock-enabled": "true"} if locks else {}
    await _done(client, _put(Target(name, "", ""), b"", said=about))
    for query, text in (("versioning", _VERSIONING), ("object-lock", _RETENTION)):
        if versions if query == "versioning" else locks:
            await _done(client, _put(Target(name, "", ""), text.encode(), query))
    return name


async def _read(client: ObjectClient, target: Target, version_id: str | None = None) -> bytes:
    async with client.get(target, version_id) as response:
        assert response.status == HTTPStatus.OK
        return await read_bounded(response, 1 << 24)


async def _status(client: ObjectClient, target: Target, version_id: str | None = None) -> int:
    async with client.head(target, version_id) as response:
        return response.status


@pytest.mark.parametrize("key", ["k", "a b/ä+%41.jpg", "a/./b", "é\u2028\U0001f600", "x" * 1000])
async def test_what_was_stored_comes_back(store: Store, key: str) -> None:
    """Bytes, ETag, size and headers of an object are those of its PUT, under any key."""
    target = key_target(await _bucket(store.client), key)
    said = {"Content-Type": "image/jpeg", "Cache-Control": "no-store", "x-amz-meta-a": "1"}
    await _done(store.client, _put(target, _BODY, said=said))
    etag = hashlib.md5(_BODY, usedforsecurity=False).hexdigest()
    for ask in (store.client.head, store.client.get):
        async with ask(target) as response:
            assert response.status == HTTPStatus.OK
            assert headers.bare_etag(response.headers) == etag
            assert response.content_length == len(_BODY)
            assert {name: response.headers[name] for name in said} == said
            if response.method == "HEAD":
                assert response.content.at_eof()
    assert await _read(store.client, target) == _BODY


async def test_what_is_not_there(store: Store) -> None:
    """Missing objects and missing buckets are 404."""
    bucket = await _bucket(store.client)
    for target in (key_target(bucket, "none"), key_target("there-is-no-such", "k")):
        assert await _status(store.client, target) == HTTPStatus.NOT_FOUND


async def test_bodies_are_read_piece_by_piece(store: Store) -> None:
    """A body can be read in part, and reading past its end fails."""
    target = key_target(await _bucket(store.client), "k")
    await _done(store.client, _put(target, b"0123456789"))
    async with store.client.get(target) as response:
        assert await response.content.readexactly(4) == b"0123"
        assert not response.content.at_eof()
        with pytest.raises(asyncio.IncompleteReadError):
            await response.content.readexactly(7)
    async with store.client.get(target) as response:
        response.let_go()
        response.let_go()
        assert response.status == HTTPStatus.OK
    async with store.client.get(target) as response:
        with pytest.raises(S3Error, match="response that is too long"):
            await read_bounded(response, 9)


async def test_reads_name_the_object_that_they_are_about(store: Store) -> None:
    """GET with an ETag is answered with 412 once the object is another."""
    target = key_target(await _bucket(store.client), "k")
    etag = headers.bare_etag(await _done(store.client, _put(target, b"first")))
    async with store.client.get(target, etag=etag) as response:
        assert await read_bounded(response, 5) == b"first"
    await _done(store.client, _put(target, b"second"))
    async with store.client.get(target, etag=etag) as response:
        assert response.status == HTTPStatus.PRECONDITION_FAILED


@pytest.mark.parametrize("versions", [False, True])
async def test_writes_that_come_too_late_change_nothing(store: Store, versions: bool) -> None:
    """A conditional write replaces what it names, and neither another object nor none."""
    if versions and not store.conditional_with_versions:
        pytest.skip("refuses every conditional write into a bucket with versions")
    bucket = await _bucket(store.client, versions=versions)
    target, gone = key_target(bucket, "k"), key_target(bucket, "gone")
    etag = headers.bare_etag(await _done(store.client, _put(target, b"first")))
    answered = await store.client.put_if_match(_put(target, b"second"), etag)
    assert (versions, await _read(store.client, target)) == (
        "x-amz-version-id" in answered,
        b"second",
    )
    for late in (target, gone):
        with pytest.raises(Changed):
            await store.client.put_if_match(_put(late, b"third"), etag)
    assert await _read(store.client, target) == b"second"
    assert await _status(store.client, gone) == HTTPStatus.NOT_FOUND


async def test_quotes_of_a_conditional_write(store: Store) -> None:
    """Most stores take If-Match with quotes as well; none takes an ETag without them for wrong."""
    target = key_target(await _bucket(store.client), "k")
    etag = headers.bare_etag(await _done(store.client, _put(target, b"first")))
    async with store.client.send(_put(target, b"2", said={"If-Match": f'"{etag}"'})) as response:
        assert (response.status == HTTPStatus.OK) == store.quoted_if_match


async def test_objects_are_created_once(store: Store) -> None:
    """``If-None-Match: *`` stores an object where there is none."""
    target = key_target(await _bucket(store.client), "k")
    once = {"If-None-Match": "*"}
    await _done(store.client, _put(target, b"first", said=once))
    async with store.client.send(_put(target, b"second", said=once)) as response:
        assert response.status == HTTPStatus.PRECONDITION_FAILED
    assert await _read(store.client, target) == b"first"


async def test_jobs_may_write(store: Store) -> None:
    """Every one of these stores heeds If-Match, and the probe leaves nothing behind."""
    bucket = await _bucket(store.client)
    await check_conditional_writes(store.client, bucket, "a/")
    assert await page(store.client, Place(bucket, ""), "") == ([], False)


async def test_no_job_writes_to_a_bucket_that_does_not_exist(store: Store) -> None:
    """A missing bucket is no proof of conditional writes."""
    with pytest.raises(Denied, match="does not exist"):
        await check_conditional_writes(store.client, "there-is-no-such-bucket", "a/")


async def test_versions(store: Store) -> None:
    """Versions are read and removed by their ids; a marker hides the rest."""
    target = key_target(await _bucket(store.client, versions=True), "k")
    ids = [
        (await _done(store.client, _put(target, data)))["x-amz-version-id"]
        for data in (b"first", b"second")
    ]
    assert await _read(store.client, target) == b"second"
    assert await _read(store.client, target, ids[0]) == b"first"
    async with store.client.delete(target, ids[1]) as response:
        assert response.status == HTTPStatus.NO_CONTENT
    assert await _read(store.client, target) == b"first"
    async with store.client.delete(target) as response:
        assert response.headers["x-amz-delete-marker"] == "true"
    assert await _status(store.client, target) == HTTPStatus.NOT_FOUND
    assert await _read(store.client, target, ids[0]) == b"first"


async def test_removing_twice(store: Store) -> None:
    """What is gone can be removed again."""
    target = key_target(await _bucket(store.client), "k")
    await _done(store.client, _put(target, b"x"))
    for _ in range(2):
        async with store.client.delete(target) as response:
            assert response.status == HTTPStatus.NO_CONTENT
    assert await _status(store.client, target) == HTTPStatus.NOT_FOUND


async def test_tags(store: Store) -> None:
    """Tags are those of the PUT; an object without tags has none."""
    bucket = await _bucket(store.client)
    tagged, bare = key_target(bucket, "tagged"), key_target(bucket, "bare")
    await _done(store.client, _put(tagged, b"x", said={"x-amz-tagging": "a=1&b=x%20y"}))
    await _done(store.client, _put(bare, b"x"))
    assert sorted(await store.client.tags(tagged)) == [("a", "1"), ("b", "x y")]
    assert list(await store.client.tags(bare)) == []


async def test_grants(store: Store) -> None:
    """An object is private unless its PUT shares it, and the grants can be repeated."""
    bucket = await _bucket(store.client)
    private, public = key_target(bucket, "private"), key_target(bucket, "public")
    await _done(store.client, _put(private, b"x"))
    await _done(store.client, _put(public, b"x", said={"x-amz-acl": "public-read"}))
    acl = await store.client.acl(private)
    assert acl is not None
    assert (acl.is_private, acl.headers()) == (True, {})
    shared = await store.client.acl(public)
    assert shared is not None
    assert not shared.is_private
    assert shared.headers()["x-amz-grant-read"] == _ALL_USERS
    await _done(store.client, _put(private, b"x", said=shared.headers()))
    repeated = await store.client.acl(private)
    assert repeated is not None
    assert sorted(repeated.grants) == sorted(shared.grants)


async def test_strangers(store: Store) -> None:
    """Without a key, public objects are read, and neither private ones nor any subresource."""
    if not store.refuses_strangers:
        pytest.skip("lets everybody do everything")
    bucket = await _bucket(store.client)
    private, public = key_target(bucket, "private"), key_target(bucket, "public")
    await _done(store.client, _put(private, b"x"))
    await _done(store.client, _put(public, b"x", said={"x-amz-acl": "public-read"}))
    statuses = [await _status(store.stranger, target) for target in (private, public)]
    assert statuses == [HTTPStatus.FORBIDDEN, HTTPStatus.OK]
    for ask, target in (
        (store.stranger.acl, private),
        (store.stranger.tags, private),
        (store.stranger.acl, public),
    ):
        with pytest.raises(Denied, match="cannot be read"):
            await ask(target)
    with contextlib.nullcontext() if store.tags_follow_read else pytest.raises(Denied):
        assert list(await store.stranger.tags(public)) == []
    with pytest.raises(Denied, match="403"):
        await store.stranger.put_if_match(_put(public, b"y"), "0" * 32)


@pytest.mark.parametrize("locks", [False, True])
async def test_retention(store: Store, locks: bool) -> None:
    """A bucket says whether it locks every object that it gets."""
    assert await store.client.lock(await _bucket(store.client, locks=locks)) == locks


async def test_uploads_in_parts(store: Store) -> None:
    """An upload becomes an object with a dash in its ETag and the headers of its creation."""
    target = key_target(await _bucket(store.client), "k")
    said = CIMultiDict({"Content-Type": "image/png", "x-amz-meta-a": "1"})
    async with store.client.send(Request("POST", target, "uploads", said)) as response:
        root = s3xml.parse(await read_bounded(response, 1 << 16))
    upload_id, parts = s3xml.text(root, "UploadId"), [b"a" * _MIN_PART, b"b"]
    inner = ""
    for number, part in enumerate(parts, 1):
        query = f"partNumber={number}&uploadId={upload_id}"
        etag = headers.bare_etag(await _done(store.client, _put(target, part, query)))
        inner += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()
    assert await _status(store.client, target) == HTTPStatus.NOT_FOUND
    done = replace(_put(target, body, f"uploadId={upload_id}"), method="POST")
    await _done(store.client, done)
    assert await _read(store.client, target) == b"".join(parts)
    async with store.client.head(target) as head:
        assert headers.bare_etag(head.headers).endswith("-2")
        assert {name: head.headers[name] for name in said} == dict(said)


async def test_copies(store: Store) -> None:
    """A copy has the metadata of its source, or that of its own request."""
    bucket = await _bucket(store.client)
    source, target = key_target(bucket, "a b"), key_target(bucket, "c")
    await _done(store.client, _put(source, b"x", said={"x-amz-meta-a": "1"}))
    where = {"x-amz-copy-source": source.path.removeprefix("/")}
    for directive, expected in (("COPY", "1"), ("REPLACE", "2")):
        about = {**where, "x-amz-metadata-directive": directive, "x-amz-meta-a": "2"}
        await _done(store.client, Request("PUT", target, headers=CIMultiDict(about)))
        async with store.client.head(target) as head:
            assert head.headers["x-amz-meta-a"] == expected


async def test_listings(store: Store) -> None:
    """Keys are listed in the order of their octets, with sizes and ETags, from any key on."""
    bucket = await _bucket(store.client)
    keys = sorted(["a b", "a+b", "a%41", "b/ä", "b/\U0001f600", "c"], key=str.encode)
    for size, key in enumerate(keys):
        await _done(store.client, _put(key_target(bucket, key), b"x" * size))
    place = Place(bucket, "")
    entries, _ = await page(store.client, place, "")
    assert [entry[:3] for entry in entries] == [
        (key, size, hashlib.md5(b"x" * size, usedforsecurity=False).hexdigest())
        for size, key in enumerate(keys)
    ]
    later, _ = await page(store.client, place, keys[2])
    assert [entry.key for entry in later] == keys[3:]
    below, _ = await page(store.client, Place(bucket, "b/"), "")
    assert [entry.key for entry in below] == ["b/ä", "b/\U0001f600"]
