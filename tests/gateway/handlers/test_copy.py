"""Copies within the store in memory."""

import pytest

from slimgate.codec.manifest import Manifest
from slimgate.gateway.cache.memory import MemoryCache
from slimgate.gateway.handlers.copy import Copy
from slimgate.gateway.handlers.plain_copy import PlainCopy
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.restore.read import Reads
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import key_target
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import RENDITION, InstantWorkers, manifest
from tests.memory_store.buckets import ALL_USERS, Bucket

_ETAG = "a" * 32


async def _copy(gateway: Gateway, source: str, bucket: str = BUCKET, **said: str) -> Answer:
    """Copy an object to the key ``copy``; underscores in the names of headers are dashes."""
    storage, workers = gateway.storage, InstantWorkers()
    parts = Reads(
        compute=Compute(workers, MemoryCache(1 << 20, 60.0)),
        buffers=ByteBudget(1 << 20),
        index=storage.index,
        seals=storage.seals,
        completing=storage.completing,
    )
    about = {name.replace("_", "-"): value for name, value in said.items()}
    about[headers.COPY_SOURCE] = f"/{bucket}/{source}"
    call, writer = gateway.call("PUT", key_target(BUCKET, "copy"), "", about)
    plain_copy = PlainCopy(*gateway.writing(workers))
    return answered(await Copy(storage, parts, plain_copy, gateway.plain)(call), writer)


def _stored(gateway: Gateway) -> tuple[bytes, Manifest | None]:
    version = gateway.memory.buckets[BUCKET].find("copy", None)
    note = version.headers.get(headers.MANIFEST)
    return version.data, None if note is None else gateway.storage.seals.read(note)


@pytest.fixture
async def gateway() -> Gateway:
    """Make a bucket with one managed and one plain object."""
    made = Gateway()
    await made.store_managed("managed", manifest(1000, _ETAG))
    await made.store("plain", b"text", {"x-amz-meta-a": "1"})
    made.memory.requests.clear()
    return made


async def test_a_copy_of_a_managed_object_is_managed(gateway: Gateway) -> None:
    """The rendition is copied with its manifest, and the client sees the ETag of the upload."""
    answer = await _copy(gateway, "managed")
    assert s3xml.text(s3xml.parse(answer.body), "ETag") == f'"{_ETAG}"'
    assert _stored(gateway) == (RENDITION, manifest(1000, _ETAG))


async def test_new_metadata_keeps_the_manifest(gateway: Gateway) -> None:
    """A copy with other metadata has the new content type in its manifest."""
    said = {"x_amz_metadata_directive": "REPLACE", "Content_Type": "image/x-new"}
    await _copy(gateway, "managed", **said, x_amz_meta_b="2")
    data, read = _stored(gateway)
    assert (data, read) == (
        RENDITION,
        manifest(1000, _ETAG).model_copy(update={"content_type": "image/x-new"}),
    )
    assert gateway.memory.buckets[BUCKET].find("copy", None).headers["x-amz-meta-b"] == "2"


async def test_conditions_name_the_upload(gateway: Gateway) -> None:
    """A copy condition is about the ETag that clients see; one that fails copies nothing."""
    answer = await _copy(gateway, "managed", x_amz_copy_source_if_match=f'"{_ETAG}"')
    assert answer.status == 200
    with pytest.raises(S3Error, match="PreconditionFailed"):
        await _copy(gateway, "managed", x_amz_copy_source_if_none_match=f'"{_ETAG}"')


async def test_plain_objects_are_copied_by_the_store(gateway: Gateway) -> None:
    """A plain object is copied as it is, on condition that it is still the same."""
    assert (await _copy(gateway, "plain")).status == 200
    (request,) = gateway.sent("PUT")
    assert request.headers["x-amz-copy-source-if-match"].strip('"')
    assert _stored(gateway) == (b"text", None)


async def test_the_source_may_have_another_owner(gateway: Gateway) -> None:
    """The owner that a client expects of the target is not asked of the source."""
    said = {
        "x_amz_expected_bucket_owner": "main", "x_amz_source_expected_bucket_owner": "them",
        "x_amz_metadata_directive": "REPLACE", "Content_Type": "image/png",
    }  # fmt: skip
    buckets = gateway.memory.buckets
    source = buckets[BUCKET].find("managed", None)
    source.grants.append(("READ", ALL_USERS))
    buckets["theirs"] = Bucket("them", keys={"managed": [source]})
    await _copy(gateway, "managed", bucket="theirs", **said)
    assert _stored(gateway) == (RENDITION, manifest(1000, _ETAG))


async def test_a_source_that_is_not_there(gateway: Gateway) -> None:
    """What the store answers is the answer."""
    answer = await _copy(gateway, "none")
    assert (answer.status, b"NoSuchKey" in answer.body) == (404, True)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_is_not_known_is_not_copied(gateway: Gateway, status: int) -> None:
    """While the store does not say what the source is, nothing is written."""
    gateway.memory.faults["HEAD", "managed"] = [status]
    with pytest.raises(S3Error, match="ServiceUnavailable"):
        await _copy(gateway, "managed")
    assert gateway.sent("PUT") == []
