"""Uploads in parts into the store in memory: completed, read back and replaced."""

import hashlib
from typing import Any, Final

import pytest

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policies, Policy
from slimgate.gateway.handlers.deferring import QueuedUpload
from slimgate.gateway.handlers.multipart import CompleteUpload, CreateUpload
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.stored_object import ManagedObject
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import IMAGE, RENDITION, InstantWorkers, manifest
from tests.memory_store.buckets import ALL_USERS

_TARGET: Final = key_target(BUCKET, "k")
_PARTS: Final = (
    b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"
)
_DIGEST: Final = hashlib.md5(IMAGE, usedforsecurity=False).digest()
_ETAG: Final = f"{hashlib.md5(_DIGEST, usedforsecurity=False).hexdigest()}-1"


class _Uploader:
    """A gateway that serves uploads in parts.

    Args:
        workers: Search for renditions.
        policy_: More of the policy.
    """

    def __init__(self, workers: InstantWorkers | None = None, **policy_: Any) -> None:
        policy = Policy.model_validate(
            {"name": "p", "bucket": BUCKET, "mode": "optimize", **policy_}
        )
        self.gateway = Gateway(policies=Policies((policy,)))
        self.workers = workers or InstantWorkers()
        gateway = self.gateway
        self._create = CreateUpload(gateway.policies, gateway.storage, gateway.plain)
        self._complete = CompleteUpload(*gateway.writing(self.workers))

    async def begin(self, **said: str) -> str:
        """Create an upload, and send its only part; return its id."""
        await self.gateway.store("other", b"")
        about = {name.replace("_", "-"): value for name, value in said.items()}
        call, writer = self.gateway.call("POST", _TARGET, "uploads", about)
        created = answered(await self._create(call), writer)
        upload_id = s3xml.text(s3xml.parse(created.body), "UploadId")
        query = f"partNumber=1&uploadId={upload_id}"
        part = Request("PUT", _TARGET, query, {}, IMAGE, len(IMAGE))
        async with self.gateway.memory.client().send(part) as response:
            assert response.status == 200
        return upload_id

    async def complete(self, upload_id: str) -> Answer:
        """Complete an upload."""
        call, writer = self.gateway.call("POST", _TARGET, f"uploadId={upload_id}", {}, _PARTS)
        return answered(await self._complete(call), writer)

    def stored(self) -> tuple[bytes, Manifest | None]:
        """Return what the store has, and its manifest."""
        version = self.gateway.memory.buckets[BUCKET].find("k", None)
        note = version.headers.get(headers.MANIFEST)
        return version.data, None if note is None else self.gateway.storage.seals.read(note)


def _etag(answer: Answer) -> str:
    return s3xml.text(s3xml.parse(answer.body), "ETag").strip('"')


async def test_a_completed_image_becomes_a_rendition() -> None:
    """The rendition remembers the ETag of the upload, which the client sees."""
    uploader = _Uploader()
    answer = await uploader.complete(await uploader.begin(Content_Type="image/jpeg"))
    data, read = uploader.stored()
    assert (answer.status, _etag(answer), data) == (200, _ETAG, RENDITION)
    assert read is not None
    assert read.upload_etag == _ETAG


async def test_the_search_holds_no_connection() -> None:
    """Responses to the completion and to the GET are released before the search."""
    uploader, held = _Uploader(), []

    async def count() -> None:
        held.append(uploader.gateway.memory.connections)

    uploader.workers.meanwhile = count
    await uploader.complete(await uploader.begin())
    assert (held, uploader.stored()[0]) == ([0], RENDITION)


async def test_tags_and_grants_of_the_creation_are_kept() -> None:
    """What no GET returns is remembered from the creation of the upload."""
    uploader = _Uploader()
    await uploader.complete(
        await uploader.begin(x_amz_tagging="colour=red", x_amz_acl="public-read")
    )
    version = uploader.gateway.memory.buckets[BUCKET].find("k", None)
    assert (version.data, version.tags) == (RENDITION, [("colour", "red")])
    assert ("READ", ALL_USERS) in version.grants


async def test_what_was_forgotten_is_asked_for() -> None:
    """Tags of an upload that another process created are read from the store."""
    uploader = _Uploader()
    upload_id = await uploader.begin(x_amz_tagging="colour=red")
    uploader.gateway.storage.uploads.take(upload_id)
    await uploader.complete(upload_id)
    version = uploader.gateway.memory.buckets[BUCKET].find("k", None)
    assert (version.data, version.tags) == (RENDITION, [("colour", "red")])


async def test_a_shared_upload_that_was_forgotten_stays() -> None:
    """When nobody remembers how an object was shared, it stays as it is."""
    uploader = _Uploader()
    upload_id = await uploader.begin(x_amz_acl="public-read")
    uploader.gateway.storage.uploads.take(upload_id)
    assert _etag(await uploader.complete(upload_id)) == _ETAG
    assert uploader.stored() == (IMAGE, None)


async def test_a_refused_image_stays() -> None:
    """An upload that no worker makes smaller is what the store has completed."""
    uploader = _Uploader(InstantWorkers(error=Refused(Reason.SMALL)))
    answer = await uploader.complete(await uploader.begin())
    assert (answer.status, _etag(answer)) == (200, _ETAG)
    assert uploader.stored() == (IMAGE, None)


async def test_what_others_write_meanwhile_stays() -> None:
    """A rendition replaces its own upload and nothing else."""
    uploader = _Uploader()
    upload_id = await uploader.begin()
    uploader.workers.meanwhile = lambda: uploader.gateway.store("k", b"theirs")
    assert (await uploader.complete(upload_id)).status == 200
    assert uploader.stored() == (b"theirs", None)


async def test_one_version_is_left() -> None:
    """In a bucket with versions the plain one is removed, and the client hears of the other."""
    uploader = _Uploader()
    upload_id = await uploader.begin()
    bucket = uploader.gateway.memory.buckets[BUCKET]
    bucket.is_versioned = True
    answer = await uploader.complete(upload_id)
    (version,) = bucket.keys["k"]
    assert version.data == RENDITION
    assert answer.headers["x-amz-version-id"] == version.version_id


async def test_errors_of_the_store_are_passed_on() -> None:
    """An upload that is not known is the store's to refuse."""
    uploader = _Uploader()
    await uploader.begin()
    answer = await uploader.complete("none")
    assert (answer.status, b"NoSuchUpload" in answer.body) == (404, True)


@pytest.mark.parametrize("policy", [{"mode": "shadow"}, {"when": "deferred"}])
async def test_a_deferred_completion_is_queued(policy: Any) -> None:
    """The client gets the store's response at once, and readers do not wait."""
    uploader = _Uploader(**policy)
    answer = await uploader.complete(await uploader.begin())
    assert (answer.status, _etag(answer), uploader.stored()) == (200, _ETAG, (IMAGE, None))
    assert await uploader.gateway.queued() == [QueuedUpload(BUCKET, "k", _ETAG)]
    assert uploader.workers.optimized == []


async def test_a_known_rendition_does_not_wait() -> None:
    """An upload of copied parts becomes the rendition that they were restored from, at once."""
    uploader = _Uploader(when="deferred")
    upload_id = await uploader.begin()
    found = ManagedObject(_TARGET, None, manifest(), "e", {})
    uploader.gateway.storage.copied.put(upload_id, found)
    await uploader.complete(upload_id)
    assert await uploader.gateway.queued() == []
