"""Uploads into the store in memory, with workers that find a rendition at once."""

import hashlib
from typing import Final

import pytest

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Ledger as LedgerSettings
from slimgate.config import Policies, Policy
from slimgate.gateway.handlers.put import Put
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.telemetry.telemetry import Telemetry
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import IMAGE, RENDITION, InstantWorkers, manifest

_MD5: Final = hashlib.md5(IMAGE, usedforsecurity=False).hexdigest()


class _Writer:
    """A gateway that stores.

    Args:
        workers: Search for renditions.
        mode: Of the policy.
    """

    def __init__(self, workers: InstantWorkers | None = None, mode: str = "optimize") -> None:
        policy = Policy.model_validate({"name": "p", "bucket": BUCKET, "mode": mode})
        self.gateway = Gateway(policies=Policies((policy,)))
        self.workers = workers or InstantWorkers()
        self._handler = Put(
            self.gateway.policies,
            self.gateway.storage,
            self.workers,
            Telemetry(Ledger(LedgerSettings())),
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


async def test_a_shadow_policy_stores_originals() -> None:
    """In shadow mode a rendition is looked for, and the upload is stored."""
    writer = _Writer(mode="shadow")
    await writer.put(IMAGE)
    assert (writer.stored(), writer.workers.optimized) == ((IMAGE, None), [IMAGE])


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
