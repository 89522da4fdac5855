"""Jobs on the store in memory, also while others write to it."""

from collections import Counter
from typing import Final

import pytest
from multidict import CIMultiDict

from slimgate.codec.reasons import Refused
from slimgate.config import Manifests as ManifestSettings
from slimgate.config import Policies, Policy
from slimgate.gateway.jobs.drain import Drainer
from slimgate.gateway.jobs.explain import explain
from slimgate.gateway.jobs.optimize import Optimizer
from slimgate.gateway.jobs.outcome import Outcome
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.jobs.verify import Verifier
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.errors import Changed, Denied
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request
from tests.gateway.instant_workers import IMAGE, RENDITION, InstantWorkers
from tests.memory_store.buckets import ALL_USERS, Version
from tests.memory_store.store import MemoryStore

_BUCKET: Final = "photos"
_ROW: Final = Row("k", len(IMAGE))
_SAID: Final = {
    "Content-Type": "image/png", "Cache-Control": "no-cache", "x-amz-meta-a": "1",
    "x-amz-tagging": "colour=red", "x-amz-acl": "public-read",
}  # fmt: skip


class _Shop:
    """A bucket with one image, and what jobs work with."""

    def __init__(self, user: str = "main") -> None:
        self.memory, self.workers = MemoryStore(), InstantWorkers()
        policies = Policies((Policy(name="p", bucket=_BUCKET, mode="optimize"),))
        seals = Seals(ManifestSettings())
        self.tools = Tools(policies, self.memory.client(user), seals, self.workers, 1)

    async def put(self, data: bytes = IMAGE) -> None:
        """Store the image, as its owner."""
        client = self.memory.client()
        for request in (
            Request("PUT", Target(_BUCKET, "", "")),
            Request("PUT", key_target(_BUCKET, "k"), "", CIMultiDict(_SAID), data, len(data)),
        ):
            async with client.send(request) as response:
                assert response.status == 200

    async def optimize(self, *, remove_replaced: bool = False) -> Outcome:
        """Make the image small."""
        return await Optimizer(self.tools, _BUCKET, remove_replaced=remove_replaced)(_ROW)

    async def drain(self) -> Outcome:
        """Convert the image back to full size."""
        return await Drainer(self.tools, _BUCKET)(_ROW)

    @property
    def stored(self) -> Version:
        """Return what the store has."""
        return self.memory.buckets[_BUCKET].find("k", None)


@pytest.fixture
async def shop() -> _Shop:
    """Store an image."""
    made = _Shop()
    await made.put()
    return made


def _about(version: Version) -> tuple[object, ...]:
    kept = headers.without(version.headers, {headers.MANIFEST, "content-type"})
    return dict(kept), version.tags, sorted(version.grants)


async def test_there_and_back(shop: _Shop) -> None:
    """An image becomes small, verifies, and becomes what it was, with all that is said of it."""
    before = _about(shop.stored)
    assert ("READ", ALL_USERS) in shop.stored.grants
    assert await shop.optimize() == Outcome("made small", len(IMAGE), len(RENDITION))
    assert (shop.stored.data, _about(shop.stored)) == (RENDITION, before)
    assert headers.MANIFEST in shop.stored.headers
    assert (await Verifier(shop.tools, _BUCKET)(_ROW)).verdict == "restores"
    assert await shop.drain() == Outcome("restored", len(RENDITION), len(IMAGE))
    assert (shop.stored.data, _about(shop.stored)) == (IMAGE, before)
    assert headers.MANIFEST not in shop.stored.headers


async def test_what_is_done_is_not_done_again(shop: _Shop) -> None:
    """A small object stays small, and a plain one plain."""
    assert (await shop.drain()).verdict == "plain already"
    await shop.optimize()
    small = Row("k", len(RENDITION))
    assert (await Optimizer(shop.tools, _BUCKET)(small)).verdict == "already small"
    assert len(shop.workers.optimized) == 1


async def test_work_that_was_not_recorded_counts(shop: _Shop) -> None:
    """An object that was made small before the job was killed is counted by its planned size."""
    await shop.optimize()
    counted = Outcome("made small", len(IMAGE), len(RENDITION), "by an earlier attempt")
    assert await shop.optimize() == counted
    dry = Optimizer(shop.tools, _BUCKET, dry_run=True)
    assert await dry(_ROW) == Outcome.same("already small", len(RENDITION))


async def test_a_version_that_stays_counts_after_a_kill(shop: _Shop) -> None:
    """In a bucket with versions nothing is saved as long as the replaced one stays."""
    shop.memory.buckets[_BUCKET].is_versioned = True
    await shop.put()
    saved = [(each.before, each.after) for each in (await shop.optimize(), await shop.optimize())]
    assert saved == [(len(IMAGE), len(IMAGE) + len(RENDITION))] * 2


async def test_the_search_holds_no_connection(shop: _Shop) -> None:
    """The response to GET is released before the search."""
    held = []

    async def count() -> None:
        held.append(shop.memory.connections)

    shop.workers.meanwhile = count
    await shop.optimize()
    assert held == [0]


async def test_what_others_write_meanwhile_counts(shop: _Shop) -> None:
    """An object that is replaced during the work is left as the other has written it."""
    shop.workers.meanwhile = lambda: shop.put(b"theirs")
    with pytest.raises(Changed):
        await shop.optimize()
    assert shop.stored.data == b"theirs"


async def test_what_others_say_meanwhile_is_kept(shop: _Shop) -> None:
    """Tags that are set during the work are those of the rendition."""

    async def tag() -> None:
        shop.stored.tags.append(("size", "1"))

    shop.workers.meanwhile = tag
    await shop.optimize()
    assert shop.stored.tags == [("colour", "red"), ("size", "1")]


async def test_what_is_removed_meanwhile_stays_removed(shop: _Shop) -> None:
    """A rendition does not bring back what its owner has deleted."""

    async def remove() -> None:
        shop.memory.buckets[_BUCKET].keys.clear()

    shop.workers.meanwhile = remove
    with pytest.raises(Changed):
        await shop.optimize()
    assert shop.memory.buckets[_BUCKET].keys == {}


@pytest.mark.parametrize("remove", [False, True])
async def test_replaced_versions(shop: _Shop, remove: bool) -> None:
    """In a bucket with versions the replaced one stays, unless it is to be removed."""
    shop.memory.buckets[_BUCKET].is_versioned = True
    await shop.put()
    version_id = shop.stored.version_id
    outcome = await shop.optimize(remove_replaced=remove)
    left = [each.version_id for each in shop.memory.buckets[_BUCKET].keys["k"]]
    assert (version_id in left) != remove
    assert outcome.reason == ("" if remove else f"version {version_id} stays")


async def test_old_versions_are_verified(shop: _Shop) -> None:
    """A row that names a version is about that one, whatever has replaced it."""
    shop.memory.buckets[_BUCKET].is_versioned = True
    await shop.put()
    await shop.optimize()
    small = shop.stored.version_id
    await shop.put(b"a later upload")
    verify = Verifier(shop.tools, _BUCKET)
    assert (await verify(_ROW._replace(version=small))).verdict == "restores"
    assert (await verify(_ROW)).verdict == "plain"
    with pytest.raises(Changed):
        await verify(_ROW._replace(version="0badcafe"))


async def test_a_locked_object_stays(shop: _Shop) -> None:
    """An object under Object Lock is not touched, and not even read."""
    shop.stored.headers["x-amz-object-lock-mode"] = "GOVERNANCE"
    with pytest.raises(Refused, match="Object Lock"):
        await shop.optimize()
    assert (shop.stored.data, shop.workers.optimized) == (IMAGE, [])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, "stays as it is: under Object Lock"),
        ({"Content-Encoding": "gzip"}, "stays as it is: has a content encoding"),
        ({}, "won, the smallest that holds: 1,004 bytes become 9 (99.1 % saved)"),
    ],
)
async def test_explain_takes_the_steps_of_a_put(
    shop: _Shop, said: dict[str, str], expected: str
) -> None:
    """An object that a PUT would not optimize is explained by the same reason."""
    shop.stored.headers.update(said)
    assert expected in list(await explain(shop.tools, f"s3://{_BUCKET}/k", None))


async def test_a_key_that_may_not_write_writes_nothing() -> None:
    """A job that may read alone says what it may not do."""
    shop = _Shop(user="reader")
    await shop.put()
    with pytest.raises(Denied, match="allow this key"):
        await shop.optimize()
    assert shop.stored.data == IMAGE


async def test_what_objects_cost(shop: _Shop) -> None:
    """The requests are those that docs/jobs.md has."""

    def sent() -> Counter[str]:
        since, shop.memory.requests = shop.memory.requests, []
        return Counter(f"{each.method} {each.query}".rstrip() for each in since)

    sent()
    await shop.optimize()
    assert sent() == {"HEAD": 2, "GET": 1, "GET tagging": 1, "GET acl": 1, "PUT": 1}
    await shop.optimize()
    assert sent() == {"HEAD": 1}
    await Verifier(shop.tools, _BUCKET)(_ROW)
    assert sent() == {"HEAD": 1, "GET": 1}
    await shop.drain()
    assert sent() == {"HEAD": 2, "GET": 1, "GET tagging": 1, "GET acl": 1, "PUT": 1}
    await shop.drain()
    assert sent() == {"HEAD": 1}
