"""Queued uploads in the store in memory, also while others write to it."""

import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Ledger as LedgerSettings
from slimgate.config import Policies, Policy
from slimgate.gateway.deferred.images import Failed, Outcome, QueuedImages, TryAgain
from slimgate.gateway.deferred.queue import Claimed
from slimgate.gateway.handlers.deferring import QueuedUpload
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.s3 import headers
from slimgate.gateway.storage.upload_time import upload_time
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.telemetry.telemetry import Telemetry
from slimgate.gateway.workers.pool import Busy
from tests.gateway.handlers.calls import BUCKET, Gateway
from tests.gateway.instant_workers import IMAGE, RENDITION, InstantWorkers
from tests.memory_store.buckets import ALL_USERS, Version

_MD5: Final = hashlib.md5(IMAGE, usedforsecurity=False).hexdigest()
_SAID: Final = {
    "Content-Type": "image/jpeg", "Cache-Control": "no-cache", "x-amz-meta-a": "1",
    "x-amz-tagging": "colour=red", "x-amz-acl": "public-read",
}  # fmt: skip


class _Shop:
    """A bucket with one upload from the queue.

    Args:
        user: Who works in the background.
        room: Bytes for images in memory.
        remove_replaced: Whether to delete uploaded versions.
        ledger: File for shadow policies.
        policy: More of the policy.
    """

    def __init__(
        self,
        user: str = "main",
        room: int = 1 << 20,
        *,
        remove_replaced: bool = False,
        ledger: Path | None = None,
        **policy: Any,
    ) -> None:
        rule = {"name": "p", "bucket": BUCKET, "mode": "optimize", "when": "deferred", **policy}
        self.gateway = Gateway(policies=Policies((Policy.model_validate(rule),)))
        self.memory, self.workers = self.gateway.memory, InstantWorkers()
        client, seals = self.memory.client(user), self.gateway.storage.seals
        tools = Tools(self.gateway.policies, client, seals, self.workers, 1)
        written = Ledger(LedgerSettings(path=None if ledger is None else str(ledger)))
        self.budget = ByteBudget(room)
        self.images = QueuedImages(
            tools, self.budget, Telemetry(written), remove_replaced=remove_replaced
        )
        self.claimed = Claimed("1", QueuedUpload(BUCKET, "k", _MD5), time.time(), 1)

    async def put(self, data: bytes = IMAGE) -> None:
        """Store an object, as its owner."""
        await self.gateway.store("k", data, _SAID)

    async def process(self) -> Outcome:
        """Process the upload; nothing of it is held in memory afterwards."""
        try:
            return await self.images(self.claimed)
        finally:
            assert self.budget.held == 0

    @property
    def stored(self) -> Version:
        """Return what the store has."""
        return self.memory.buckets[BUCKET].find("k", None)

    @property
    def manifest(self) -> Manifest | None:
        """Return the manifest of that; None: it is plain."""
        note = self.stored.headers.get(headers.MANIFEST)
        return None if note is None else self.gateway.storage.seals.read(note)


async def _put_again(shop: _Shop) -> Callable[[], Awaitable[None]]:
    await shop.put()
    return lambda: shop.put(b"theirs")


async def test_an_upload_becomes_a_rendition() -> None:
    """The rendition has all that the upload had: metadata, tags, grants, and its time."""
    shop = _Shop()
    await shop.put()
    shop.stored.modified -= timedelta(hours=1)
    uploaded = shop.stored.modified
    assert await shop.process() is Outcome.OPTIMIZED
    kept, manifest = shop.stored, shop.manifest
    assert (kept.data, kept.headers["x-amz-meta-a"]) == (RENDITION, "1")
    assert (kept.tags, ("READ", ALL_USERS) in kept.grants) == ([("colour", "red")], True)
    assert manifest is not None
    found = upload_time(manifest, shop.claimed.upload.target, kept.modified)
    assert found == uploaded
    assert await shop.process() is Outcome.OPTIMIZED
    assert len(shop.workers.optimized) == 1


async def test_a_shadow_policy_writes_a_line_alone(tmp_path: Path) -> None:
    """Under a shadow policy the ledger learns of the rendition, and the upload stays."""
    path = tmp_path / "ledger.jsonl"
    shop = _Shop(ledger=path, mode="shadow")
    await shop.put()
    assert await shop.process() is Outcome.SHADOW
    assert (shop.stored.data, shop.manifest) == (IMAGE, None)
    line = json.loads(path.read_text())
    assert (line["key"], line["stored_bytes"]) == ("k", len(RENDITION))


@pytest.mark.parametrize("moment", ["before", "during"])
async def test_overwrites_win(moment: str) -> None:
    """What another client has written stays, whenever it was written."""
    shop = _Shop()
    again = await _put_again(shop)
    if moment == "before":
        await again()
    else:
        shop.workers.meanwhile = again
    assert await shop.process() is Outcome.CHANGED
    assert (shop.stored.data, shop.manifest) == (b"theirs", None)


@pytest.mark.parametrize("moment", ["before", "during"])
async def test_deletes_win(moment: str) -> None:
    """What another client has deleted does not return."""
    shop = _Shop()
    await shop.put()
    bucket = shop.memory.buckets[BUCKET]

    async def delete() -> None:
        bucket.keys.clear()

    if moment == "before":
        await delete()
    else:
        shop.workers.meanwhile = delete
    assert await shop.process() is Outcome.CHANGED
    assert bucket.current("k") is None


async def test_a_policy_that_has_ended_leaves_uploads() -> None:
    """What no policy covers any more stays as it is."""
    shop = _Shop()
    await shop.put()
    shop.gateway.policies.replace(())
    assert await shop.process() is Outcome.CHANGED
    assert shop.stored.data == IMAGE


async def test_what_no_worker_makes_smaller_stays() -> None:
    """A refused image stays, and is not tried again."""
    shop = _Shop()
    await shop.put()
    shop.workers._error = Refused(Reason.SMALL)
    assert await shop.process() is Outcome.STAYS
    assert shop.stored.data == IMAGE


@pytest.mark.parametrize("error", [Busy("full"), Refused(Reason.ENGINE)])
async def test_want_of_workers_passes(error: Exception) -> None:
    """While workers or the engine are busy, the upload waits."""
    shop = _Shop()
    await shop.put()
    shop.workers._error = error
    with pytest.raises(TryAgain):
        await shop.process()
    shop.workers._error = None
    assert await shop.process() is Outcome.OPTIMIZED


async def test_want_of_memory_passes() -> None:
    """While clients' bodies fill the memory, the upload waits."""
    shop = _Shop(room=1)
    await shop.put()
    with pytest.raises(TryAgain, match="too many uploads"):
        await shop.process()


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT"])
async def test_faults_of_the_store_pass(method: str) -> None:
    """While the store fails, the upload waits, and is as it was."""
    shop = _Shop()
    await shop.put()
    await shop.images._check_conditional_writes(
        shop.images._tools, next(iter(shop.gateway.policies)), BUCKET
    )
    shop.memory.faults[method, "k"] = [503]
    with pytest.raises(TryAgain):
        await shop.process()
    assert shop.stored.data == IMAGE
    assert await shop.process() is Outcome.OPTIMIZED


async def test_want_of_rights_is_told() -> None:
    """Without rights, the upload is given up: no attempt would do better."""
    shop = _Shop("other")
    await shop.put()
    with pytest.raises(Failed, match="let this key write"):
        await shop.process()


@pytest.mark.parametrize(("hours", "outcome"), [(0, "optimized"), (1, "changed")])
async def test_an_upload_of_unknown_end_is_known_by_its_age(hours: int, outcome: str) -> None:
    """Where the store may have refused an upload, older objects stay as they are."""
    shop = _Shop()
    shop.claimed = replace(shop.claimed, upload=QueuedUpload(BUCKET, "k"))
    await shop.put()
    shop.stored.modified -= timedelta(hours=hours)
    assert await shop.process() == outcome


@pytest.mark.parametrize("remove_replaced", [False, True])
async def test_versions_that_clients_know_stay(remove_replaced: bool) -> None:
    """In a versioned bucket the uploaded version stays, unless it is to be removed."""
    shop = _Shop(remove_replaced=remove_replaced)
    await shop.gateway.store("other", b"")
    bucket = shop.memory.buckets[BUCKET]
    bucket.is_versioned = True
    await shop.put()
    upload = replace(shop.claimed.upload, version_id=shop.stored.version_id)
    shop.claimed = replace(shop.claimed, upload=upload)
    assert await shop.process() is Outcome.OPTIMIZED
    left = [version.data for version in bucket.keys["k"]]
    assert left == ([RENDITION] if remove_replaced else [IMAGE, RENDITION])


async def test_a_version_that_an_attempt_has_left_is_removed() -> None:
    """If a gateway is lost between rendition and removal, the next attempt removes the version."""
    shop = _Shop()
    await shop.gateway.store("other", b"")
    bucket = shop.memory.buckets[BUCKET]
    bucket.is_versioned = True
    await shop.put()
    upload = replace(shop.claimed.upload, version_id=shop.stored.version_id)
    shop.claimed = replace(shop.claimed, upload=upload)
    await shop.process()
    shop.images._remove_replaced = True
    shop.claimed = replace(shop.claimed, attempts=2)
    for _ in range(2):
        assert await shop.process() is Outcome.OPTIMIZED
        assert [version.data for version in bucket.keys["k"]] == [RENDITION]


async def test_a_version_of_the_same_bytes_stays() -> None:
    """A rendition replaces one version, not an earlier upload of the same file."""
    shop = _Shop(remove_replaced=True)
    await shop.gateway.store("other", b"")
    bucket = shop.memory.buckets[BUCKET]
    bucket.is_versioned = True
    await shop.put()
    shop.stored.modified -= timedelta(hours=1)
    first = replace(shop.claimed.upload, version_id=shop.stored.version_id)
    await shop.put()
    second = replace(first, version_id=shop.stored.version_id)
    for upload, attempts in ((second, 1), (first, 2)):
        shop.claimed = replace(shop.claimed, upload=upload, attempts=attempts)
        assert await shop.process() is Outcome.OPTIMIZED
    assert [version.data for version in bucket.keys["k"]] == [IMAGE, RENDITION]
