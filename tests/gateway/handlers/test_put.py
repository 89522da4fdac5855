"""Uploads into the store in memory, with workers that find a rendition at once."""

import hashlib
from typing import Any, Final

import pytest
from prometheus_client import Counter

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Deferred, Policies, Policy
from slimgate.config import Ledger as LedgerSettings
from slimgate.gateway.handlers.deferring import QueuedUpload
from slimgate.gateway.handlers.put import Put
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.telemetry.telemetry import Telemetry
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import IMAGE, RENDITION, InstantWorkers, manifest

_MD5: Final = hashlib.md5(IMAGE, usedforsecurity=False).hexdigest()


class _Writer:
    """A gateway that stores.

    Args:
        workers: Search for renditions.
        policy_: More of the policy.
    """

    def __init__(self, workers: InstantWorkers | None = None, **policy_: str) -> None:
        policy = Policy.model_validate(
            {"name": "p", "bucket": BUCKET, "mode": "optimize", **policy_}
        )
        self.gateway = Gateway(policies=Policies((policy,)))
        self.workers = workers or InstantWorkers()
        self._handler = Put(
            self.gateway.policies,
            self.gateway.storage,
            self.workers,
            Telemetry(Ledger(LedgerSettings())),
            self.gateway.deferral,
            self.gateway.plain,
        )

    async def put(self, data: bytes, key: str = "k", **said: str) -> Answer:
        """Upload an object into a bucket that is there; underscores in headers are dashes."""
        await self.gateway.store("other", b"")
        self.gateway.memory.requests.clear()
        about = {name.replace("_", "-"): value for name, value in said.items()}
        call, writer = self.gateway.call("PUT", key_target(BUCKET, key), "", about, data)
        return answered(await self._handler(call), writer)

    def stored(self, key: str = "k") -> tuple[bytes, Manifest | None]:
        """Return what the store has, and its manifest."""
        version = self.gateway.memory.buckets[BUCKET].find(key, None)
        note = version.headers.get(headers.MANIFEST)
        return version.data, None if note is None else self.gateway.storage.seals.read(note)


async def test_an_image_becomes_a_rendition() -> None:
    """The rendition is stored with its manifest, and the client hears the MD5 of its upload."""
    writer = _Writer()
    answer = await writer.put(IMAGE, Content_Type="image/jpeg", x_amz_meta_a="1")
    assert (answer.status, answer.headers["ETag"]) == (200, f'"{_MD5}"')
    assert writer.stored() == (RENDITION, manifest(len(IMAGE), _MD5))
    kept = writer.gateway.memory.buckets[BUCKET].find("k", None).headers
    assert kept["x-amz-meta-a"] == "1"


async def test_what_no_worker_makes_smaller_stays() -> None:
    """A refused image is stored as it came, by one request."""
    writer = _Writer(InstantWorkers(error=Refused(Reason.SMALL)))
    answer = await writer.put(IMAGE)
    assert (answer.status, answer.headers["ETag"]) == (200, f'"{_MD5}"')
    assert writer.stored() == (IMAGE, None)
    assert len(writer.gateway.sent("PUT")) == 1


@pytest.mark.parametrize(
    ("data", "key", "said"),
    [
        (b"text", "k", {}),
        (IMAGE, "k", {"Content_Encoding": "gzip"}),
        (IMAGE, "k", {"x_amz_object_lock_mode": "GOVERNANCE"}),
        (IMAGE, "folder/", {}),
    ],
)
async def test_what_is_no_candidate_is_stored_as_it_came(
    data: bytes, key: str, said: dict[str, str]
) -> None:
    """No worker sees what is no image, encoded, locked or a folder."""
    writer = _Writer()
    assert (await writer.put(data, key, **said)).status == 200
    assert writer.stored(key) == (data, None)
    assert writer.workers.optimized == []


async def test_a_bucket_that_locks_gets_originals() -> None:
    """Where every object is put under retention, uploads are stored as they came."""
    writer = _Writer()
    await writer.gateway.store("other", b"")
    writer.gateway.memory.buckets[BUCKET].retention = "GOVERNANCE"
    await writer.put(IMAGE)
    assert writer.stored() == (IMAGE, None)


@pytest.mark.parametrize("policy", [{"mode": "shadow"}, {"when": "deferred"}])
async def test_a_deferred_upload_is_stored_and_queued(policy: Any) -> None:
    """The client gets its response at once, and the queue has what the store has."""
    writer = _Writer(**policy)
    answer = await writer.put(IMAGE, x_amz_request_payer="requester")
    assert (answer.status, answer.headers["ETag"]) == (200, f'"{_MD5}"')
    assert (writer.stored(), writer.workers.optimized) == ((IMAGE, None), [])
    (queued,) = await writer.gateway.queued()
    assert queued == QueuedUpload(BUCKET, "k", _MD5, None, {"x-amz-request-payer": "requester"})


async def test_what_is_no_candidate_is_not_queued() -> None:
    """A file that the first bytes tell to be no image is stored, and that is all."""
    writer = _Writer(when="deferred")
    assert (await writer.put(b"text")).status == 200
    assert await writer.gateway.queued() == []


@pytest.mark.parametrize("status", [403, 412])
async def test_what_the_store_refuses_leaves_the_queue(status: int) -> None:
    """A refused upload has never been there."""
    writer = _Writer(when="deferred")
    writer.gateway.memory.faults["PUT", "k"] = [status]
    assert (await writer.put(IMAGE)).status == status
    assert await writer.gateway.queued() == []


async def test_an_upload_of_unknown_end_stays_queued() -> None:
    """After an error of the store, the upload may be stored."""
    writer = _Writer(when="deferred")
    writer.gateway.memory.faults["PUT", "k"] = [500]
    assert (await writer.put(IMAGE)).status == 500
    assert await writer.gateway.queued() == [QueuedUpload(BUCKET, "k")]


@pytest.mark.parametrize("fault", ["full", "broken"])
async def test_no_upload_fails_for_want_of_a_queue(fault: str) -> None:
    """Without room in the queue, or without the queue, uploads are stored, and counted."""
    writer = _Writer(when="deferred")
    writer.gateway.queue.broken = fault == "broken"
    writer.gateway.queue.settings = Deferred(max_queued=1)
    before = _count(metrics.PLAIN, "p", Reason.UNQUEUED)
    for key in ("k", "l"):
        assert (await writer.put(IMAGE, key)).status == 200
        assert writer.stored(key) == (IMAGE, None)
    left = {"full": 1, "broken": 2}[fault]
    assert _count(metrics.PLAIN, "p", Reason.UNQUEUED) == before + left


@pytest.mark.parametrize(
    "said",
    [{"x_amz_storage_class": "GLACIER"}, {"x_amz_server_side_encryption_context": "e30="}],
)
async def test_what_cannot_be_read_back_does_not_wait(said: dict[str, str]) -> None:
    """An upload whose description the store keeps to itself is optimized at once."""
    writer = _Writer(when="deferred")
    await writer.put(IMAGE, **said)
    assert writer.stored()[0] == RENDITION


def _count(counter: Counter, *labels: str) -> float:
    value: float = counter.labels(*labels)._value.get()
    return value


async def test_a_refused_rendition_is_followed_by_the_upload() -> None:
    """When the store takes no rendition, the upload is stored as it came."""
    writer = _Writer()
    writer.gateway.memory.faults["PUT", "k"] = [400]
    assert (await writer.put(IMAGE)).status == 200
    assert writer.stored() == (IMAGE, None)


async def test_errors_of_the_store_are_passed_on() -> None:
    """What the store answers to the rendition is the answer; nothing else is tried."""
    writer = _Writer()
    writer.gateway.memory.faults["PUT", "k"] = [403]
    assert (await writer.put(IMAGE)).status == 403
    assert len(writer.gateway.sent("PUT")) == 1
