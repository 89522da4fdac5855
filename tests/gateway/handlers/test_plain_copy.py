"""Copies of plain images within the store in memory, to where a policy optimizes them."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policies, Policy
from slimgate.gateway.cache.memory import MemoryCache
from slimgate.gateway.handlers import late_answer
from slimgate.gateway.handlers.copy import Copy
from slimgate.gateway.handlers.deferring import QueuedUpload
from slimgate.gateway.handlers.plain_copy import PlainCopy
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.restore.read import Reads
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.listing_xml import parse_listed_time
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.upload_time import upload_time
from slimgate.gateway.telemetry import metrics
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import IMAGE, RENDITION, InstantWorkers, manifest
from tests.memory_store.buckets import ALL_USERS, Version

_MD5: Final = hashlib.md5(IMAGE, usedforsecurity=False).hexdigest()


class _Copier:
    """A gateway that copies ``tmp/k`` to ``k``; objects under ``tmp/`` stay as they are.

    Args:
        mode: Mode of the policy.
        workers: Search for renditions.
    """

    def __init__(self, mode: Any = "optimize", workers: InstantWorkers | None = None) -> None:
        staging = Policy(name="staging", bucket=BUCKET, prefix="tmp/", mode="off")
        self.gateway = Gateway(
            policies=Policies((staging, Policy(name="p", bucket=BUCKET, mode=mode)))
        )
        self.workers = workers or InstantWorkers()

    async def upload(self, data: bytes = IMAGE, **said: str) -> None:
        """Store the source."""
        await self.gateway.store("tmp/k", data, _named(said))

    async def copy(self, source: str = "tmp/k", key: str = "k", **said: str) -> Answer:
        """Copy the source; underscores in the names of headers are dashes."""
        storage = self.gateway.storage
        compute = Compute(self.workers, MemoryCache(1 << 20, 60.0))
        parts = Reads(
            compute, ByteBudget(1 << 20), storage.index, storage.seals, storage.completing
        )
        about = {**_named(said), headers.COPY_SOURCE: f"/{BUCKET}/{source}"}
        call, writer = self.gateway.call("PUT", key_target(BUCKET, key), "", about)
        plain_copy = PlainCopy(*self.gateway.writing(self.workers))
        return answered(await Copy(storage, parts, plain_copy, self.gateway.plain)(call), writer)

    @property
    def version(self) -> Version:
        """Return the copy in the store."""
        return self.gateway.memory.buckets[BUCKET].find("k", None)

    @property
    def stored(self) -> tuple[bytes, Manifest | None]:
        """Return what the store has of the copy, and its manifest."""
        note = self.version.headers.get(headers.MANIFEST)
        return self.version.data, None if note is None else self.gateway.storage.seals.read(note)


def _named(said: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in said.items()}


def _etag(answer: Answer) -> str:
    return s3xml.text(s3xml.parse(answer.body), "ETag").strip('"')


@pytest.fixture
async def copier() -> _Copier:
    """Make a source with metadata and tags."""
    made = _Copier()
    await made.upload(
        content_type="image/jpeg", cache_control="no-cache", x_amz_meta_a="1",
        x_amz_tagging="colour=red",
    )  # fmt: skip
    return made


async def test_a_promoted_image_becomes_a_rendition(copier: _Copier) -> None:
    """The rendition is described as the source, and the client gets the ETag that is served."""
    answer = await copier.copy()
    data, read = copier.stored
    assert read is not None
    assert (answer.status, data, _etag(answer)) == (200, RENDITION, read.etag)
    assert read.etag == manifest(len(IMAGE), _MD5).etag
    about = copier.version
    assert (about.headers["Cache-Control"], about.headers["x-amz-meta-a"]) == ("no-cache", "1")
    assert about.tags == [("colour", "red")]


async def test_the_rendition_keeps_the_time_of_the_copy(copier: _Copier) -> None:
    """LastModified of the result is that of the object that HEAD shows, which is the copy's."""
    answer = await copier.copy()
    told = s3xml.text(s3xml.parse(answer.body), "LastModified")
    _, read = copier.stored
    assert read is not None
    shown = upload_time(read, key_target(BUCKET, "k"), copier.version.modified)
    assert shown is not None
    assert shown == parse_listed_time(told)


async def test_the_search_holds_no_connection(copier: _Copier) -> None:
    """Responses to the copy and to the GET are released before the search."""
    held = []

    async def count() -> None:
        held.append(copier.gateway.memory.connections)

    copier.workers.meanwhile = count
    await copier.copy()
    assert (held, copier.stored[0]) == ([0], RENDITION)


async def test_new_metadata_and_tags_are_the_rendition_s(copier: _Copier) -> None:
    """Directives say whether metadata and tags are those of the source."""
    await copier.copy(
        x_amz_metadata_directive="REPLACE", x_amz_meta_b="2", content_type="image/x-new",
        x_amz_tagging_directive="REPLACE", x_amz_tagging="size=small",
    )  # fmt: skip
    (data, read), about = copier.stored, copier.version
    assert read is not None
    assert (data, read.content_type) == (RENDITION, "image/png")  # as the workers here record it
    assert about.headers["x-amz-meta-b"] == "2"
    assert "x-amz-meta-a" not in about.headers
    assert about.tags == [("size", "small")]


async def test_grants_and_storage_class_of_the_request_count(copier: _Copier) -> None:
    """A copy is shared and classed as its request says, not as its source."""
    await copier.copy(x_amz_acl="public-read", x_amz_storage_class="STANDARD_IA")
    assert copier.stored[0] == RENDITION
    assert ("READ", ALL_USERS) in copier.version.grants
    assert copier.version.headers["x-amz-storage-class"] == "STANDARD_IA"


async def test_a_copy_onto_itself_is_optimized() -> None:
    """Rewriting a plain object in place is a way to have it optimized."""
    copier = _Copier()
    await copier.gateway.store("k", IMAGE, {"x-amz-meta-a": "1"})
    await copier.copy("k", x_amz_metadata_directive="REPLACE", x_amz_meta_b="2")
    assert copier.stored[0] == RENDITION
    assert copier.version.headers["x-amz-meta-b"] == "2"


async def test_conditions_are_the_store_s(copier: _Copier) -> None:
    """A condition on the source is evaluated before anything is written."""
    refused = await copier.copy(x_amz_copy_source_if_match='"other"')
    assert (refused.status, copier.workers.optimized) == (412, [])
    assert (await copier.copy(x_amz_copy_source_if_match=f'"{_MD5}"')).status == 200
    assert copier.stored[0] == RENDITION


async def test_conditions_on_the_target(copier: _Copier) -> None:
    """A copy that must not replace anything does not, and its rendition may replace the copy."""
    assert (await copier.copy(if_none_match="*")).status == 200
    assert copier.stored[0] == RENDITION
    copier.workers.optimized.clear()
    assert (await copier.copy(if_none_match="*")).status == 412
    assert copier.workers.optimized == []


async def test_caller_headers_go_with_every_request(copier: _Copier) -> None:
    """The store learns of requester pays from each request of a copy."""
    copier.gateway.memory.requests.clear()
    await copier.copy(x_amz_request_payer="requester")
    sent = copier.gateway.memory.requests
    assert {r.headers.get("x-amz-request-payer") for r in sent if r.target.key} == {"requester"}
    assert copier.stored[0] == RENDITION


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"x_amz_storage_class": "DEEP_ARCHIVE"}, Reason.ARCHIVED),
        ({"x_amz_object_lock_legal_hold": "ON"}, Reason.OBJECT_LOCK),
        ({"x_amz_server_side_encryption_customer_key": "k"}, Reason.CUSTOMER_KEY),
        ({"x_amz_metadata_directive": "REPLACE", "content_encoding": "gzip"}, Reason.ENCODED),
    ],
)
async def test_what_stays_has_a_reason(
    copier: _Copier, said: dict[str, str], reason: Reason
) -> None:
    """A copy that has to stay as it is, is, and is counted."""
    counter = metrics.PLAIN.labels("p", reason)
    before = counter._value.get()
    answer = await copier.copy(**said)
    assert (answer.status, copier.stored, _etag(answer)) == (200, (IMAGE, None), _MD5)
    assert counter._value.get() - before == 1


async def test_headers_without_effect_decide_nothing(copier: _Copier) -> None:
    """Metadata headers of a copy that keeps the metadata are ignored, as the store does."""
    await copier.copy(content_encoding="gzip")
    assert copier.stored[0] == RENDITION


async def test_a_locked_bucket_gets_no_second_version(copier: _Copier) -> None:
    """Where objects are locked by default, the copy stays."""
    copier.gateway.memory.buckets[BUCKET].retention = "COMPLIANCE"
    await copier.copy()
    assert copier.stored == (IMAGE, None)


async def test_a_refused_image_stays(copier: _Copier) -> None:
    """A copy that no worker makes smaller is what the store has copied."""
    copier.workers = InstantWorkers(error=Refused(Reason.SMALL))
    answer = await copier.copy()
    assert (answer.status, _etag(answer), copier.stored) == (200, _MD5, (IMAGE, None))


async def test_other_files_stay() -> None:
    """What is no image is only looked at."""
    copier = _Copier()
    await copier.upload(b"text")
    assert (await copier.copy()).status == 200
    assert (copier.stored, copier.workers.optimized) == ((b"text", None), [])


async def test_no_policy_no_search(copier: _Copier) -> None:
    """A copy to where no policy is in force is the store's alone."""
    copier.gateway.memory.requests.clear()
    await copier.copy(key="tmp/other")
    assert [r.method for r in copier.gateway.memory.requests] == ["HEAD", "PUT"]


async def test_a_shadow_policy_writes_nothing() -> None:
    """Under a shadow policy the copy stays, and is looked at later."""
    copier = _Copier("shadow")
    await copier.upload()
    answer = await copier.copy()
    assert (_etag(answer), copier.stored) == (_MD5, (IMAGE, None))
    assert await copier.gateway.queued() == [QueuedUpload(BUCKET, "k", _MD5)]
    assert copier.workers.optimized == []


async def test_a_refused_copy_is_not_queued() -> None:
    """What the store does not copy leaves the queue."""
    copier = _Copier("shadow")
    await copier.upload()
    copier.gateway.memory.faults["PUT", "k"] = [403]
    assert (await copier.copy()).status == 403
    assert await copier.gateway.queued() == []


@pytest.mark.parametrize("fault", [("GET", "k"), ("HEAD", "k")])
@pytest.mark.parametrize("status", [403, 500])
async def test_a_copy_survives_faults(copier: _Copier, fault: Any, status: int) -> None:
    """A store that fails after the copy leaves the copy, and the client is told of it."""
    copier.gateway.memory.faults[fault] = [status]
    answer = await copier.copy()
    assert (answer.status, _etag(answer), copier.stored) == (200, _MD5, (IMAGE, None))


def _put(gateway: Gateway, data: bytes, **said: str) -> Callable[[], Awaitable[object]]:
    return lambda: gateway.store("k", data, _named(said))


async def test_what_others_write_meanwhile_stays(copier: _Copier) -> None:
    """A rendition replaces its own copy and nothing else."""
    copier.workers.meanwhile = _put(copier.gateway, b"theirs")
    assert (await copier.copy()).status == 200
    assert copier.stored == (b"theirs", None)


@pytest.mark.parametrize("headers", [{"x_amz_meta_a": "theirs"}, {"cache_control": "no-transform"}])
async def test_the_same_bytes_that_others_write_meanwhile_stay(
    copier: _Copier, headers: dict[str, str]
) -> None:
    """An upload of the same file by another client, under the same ETag, is theirs alone.

    It may forbid transformations, or grant others nothing.
    """
    copier.workers.meanwhile = _put(copier.gateway, IMAGE, content_type="image/jpeg", **headers)
    await copier.copy()
    assert copier.stored == (IMAGE, None)
    ((name, value),) = _named(headers).items()
    assert copier.version.headers[name] == value


async def test_a_type_that_others_write_meanwhile_stays(copier: _Copier) -> None:
    """The manifest records one content type: an object with another is left alone."""
    copier.workers.meanwhile = _put(copier.gateway, IMAGE, content_type="image/x-theirs")
    await copier.copy()
    assert copier.stored == (IMAGE, None)


async def test_one_version_is_left(copier: _Copier) -> None:
    """In a bucket with versions the plain copy is removed, and the client hears of the other."""
    bucket = copier.gateway.memory.buckets[BUCKET]
    bucket.is_versioned = True
    answer = await copier.copy()
    (version,) = bucket.keys["k"]
    assert version.data == RENDITION
    assert answer.headers["x-amz-version-id"] == version.version_id


async def test_a_slow_search_keeps_the_connection_alive(
    copier: _Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """White space precedes a result that takes long; an XML parser does not see it."""
    monkeypatch.setattr(late_answer, "_KEEPALIVE_S", 0.0)
    answer = await copier.copy()
    _, read = copier.stored
    assert read is not None
    assert answer.body.startswith(s3xml.DECLARATION + b" ")
    assert _etag(answer) == read.etag


async def test_an_old_version_is_promoted(copier: _Copier) -> None:
    """A copy source may name a version."""
    bucket = copier.gateway.memory.buckets[BUCKET]
    old = bucket.find("tmp/k", None)
    bucket.is_versioned = True
    await copier.upload(b"text")
    await copier.copy(f"tmp/k?versionId={old.version_id}")
    assert copier.stored[0] == RENDITION


async def test_an_invisible_rendition_is_left_alone(copier: _Copier) -> None:
    """A rendition that this caller may copy but not see is not taken for an upload."""
    await copier.gateway.store_managed("tmp/k", manifest(1000))
    copier.gateway.memory.faults["HEAD", "tmp/k"] = [403]
    assert (await copier.copy()).status == 200
    assert (copier.stored, copier.workers.optimized) == ((RENDITION, manifest(1000)), [])


async def test_copies_of_managed_objects_are_not_searched_again(copier: _Copier) -> None:
    """The rendition of a managed source goes along as it is, whatever the policy of the target."""
    await copier.gateway.store_managed("tmp/k", manifest(1000))
    await copier.copy()
    assert (copier.stored, copier.workers.optimized) == ((RENDITION, manifest(1000)), [])


async def test_errors_of_the_store_are_passed_on(copier: _Copier) -> None:
    """A source that is not there is the store's to refuse."""
    answer = await copier.copy("tmp/none")
    assert (answer.status, b"NoSuchKey" in answer.body) == (404, True)
