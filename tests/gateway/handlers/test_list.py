"""Listings of the store in memory: which objects are asked for, and how they are shown."""

import asyncio
from datetime import timedelta

import pytest

from slimgate.config import Policy
from slimgate.gateway.handlers.list import ListObjects
from slimgate.gateway.handlers.listed_views import ListedViews
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage import retries
from slimgate.gateway.storage.listing_index import ListedObject
from slimgate.gateway.storage.stored_object import look_up
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import manifest
from tests.memory_store.answers import Failure

_MANAGED = (100_000, "a" * 32)


async def _list(
    gateway: Gateway, text: str = "", reader: Identity | None = None, **said: str
) -> Answer:
    """List the bucket; underscores in the names of headers are dashes."""
    listed = ListedViews(gateway.policies, gateway.storage, asyncio.Semaphore(4), reader)
    handler = ListObjects(listed, gateway.plain)
    about = {name.replace("_", "-"): value for name, value in said.items()}
    call, writer = gateway.call("GET", Target(BUCKET, "", ""), text, about)
    return answered(await handler(call), writer)


def _entries(answer: Answer) -> dict[str, tuple[int, str]]:
    return {
        s3xml.text(entry, "Key"): (
            int(s3xml.text(entry, "Size")),
            s3xml.text(entry, "ETag").strip('"'),
        )
        for entry in s3xml.parse(answer.body)
        if s3xml.name(entry) in {"Contents", "Version"}
    }


@pytest.fixture
async def gateway() -> Gateway:
    """Make a gateway, and a bucket with one managed and one plain object."""
    made = Gateway()
    await made.store_managed("managed", manifest(*_MANAGED))
    await made.store("plain", b"text")
    for versions in made.memory.buckets[BUCKET].keys.values():
        versions[-1].modified -= timedelta(hours=1)  # what was just written is not remembered
    made.memory.requests.clear()
    return made


async def test_managed_objects_are_shown_as_uploaded(gateway: Gateway) -> None:
    """Size and ETag are those of the manifest; plain objects have their own."""
    entries = _entries(await _list(gateway))
    assert entries["managed"] == _MANAGED
    assert entries["plain"] == (4, "1cb251ec0d568de6a929b520c4aed8d1")


async def test_what_is_remembered_is_not_asked_for(gateway: Gateway) -> None:
    """The second listing sends no HEAD, the first one for each object."""
    first = await _list(gateway)
    assert sorted(head.target.key for head in gateway.sent("HEAD")) == ["managed", "plain"]
    assert (await _list(gateway)).body == first.body
    assert gateway.sent("HEAD") == []


async def test_who_pays_is_said_in_every_request(gateway: Gateway) -> None:
    """HEADs carry the headers of the caller that say who pays and whose bucket it is."""
    said = {"x-amz-request-payer": "requester", "x-amz-expected-bucket-owner": "main"}
    await _list(gateway, "", None, **{k.replace("-", "_"): value for k, value in said.items()})
    assert [dict(head.headers) for head in gateway.sent("HEAD")] == [said, said]


async def test_other_buckets_are_listed_as_they_are() -> None:
    """Where no policy names the bucket, nothing is asked for, and no byte is changed."""
    gateway = Gateway()
    gateway.policies.replace(())
    await gateway.store_managed("managed", manifest(*_MANAGED))
    answer = await _list(gateway)
    assert _entries(answer)["managed"][0] == len(b"rendition")
    assert gateway.sent("HEAD") == []


@pytest.mark.parametrize("status", [401, 403, 405])
async def test_what_may_not_be_looked_at_is_shown_as_it_is(gateway: Gateway, status: int) -> None:
    """An object that the store does not show this caller keeps the entry of the store."""
    gateway.memory.faults["HEAD", "managed"] = [status]
    assert _entries(await _list(gateway))["managed"][0] == len(b"rendition")


@pytest.mark.parametrize("code", ["InvalidRequest", "InvalidArgument"])
async def test_an_object_under_a_key_of_its_customer_is_shown_as_it_is(
    gateway: Gateway, code: str
) -> None:
    """HEAD without that key gets 400; only the code of a GET tells it from an expired token."""
    gateway.memory.faults["HEAD", "plain"] = [400]
    gateway.memory.faults["GET", "plain"] = [Failure(400, code)]
    entries = _entries(await _list(gateway))
    assert (entries["managed"], entries["plain"][0]) == (_MANAGED, 4)


@pytest.mark.parametrize("fault", [Failure(400, "ExpiredToken"), Failure(503, "SlowDown"), None])
async def test_what_is_asked_wrongly_is_not_shown(gateway: Gateway, fault: Failure | None) -> None:
    """If HEAD gets 400 for another reason, the listing fails."""
    gateway.memory.faults["HEAD", "managed"] = [400]
    gateway.memory.faults["GET", "managed"] = [fault] if fault else []
    with pytest.raises(S3Error, match="ServiceUnavailable"):
        await _list(gateway)


async def test_an_object_that_was_deleted_meanwhile_is_left_out(gateway: Gateway) -> None:
    """Its size as stored is never shown."""
    gateway.memory.faults["HEAD", "managed"] = [404]
    assert list(_entries(await _list(gateway))) == ["plain"]


async def test_a_page_that_others_follow_keeps_its_last_entry(gateway: Gateway) -> None:
    """Clients without a token go on behind the last key of a page: one is there for them."""
    gateway.memory.faults["HEAD", "managed"] = [404]
    answer = await _list(gateway, "max-keys=1")
    assert s3xml.text(s3xml.parse(answer.body), "IsTruncated") == "true"
    assert list(_entries(answer)) == ["managed"]


async def test_a_version_that_cannot_be_asked_for_stays(gateway: Gateway) -> None:
    """Listings of versions show what the store shows of versions that it denies to have."""
    gateway.memory.faults["HEAD", "managed"] = [404]
    assert sorted(_entries(await _list(gateway, "versions"))) == ["managed", "plain"]


@pytest.mark.parametrize(("key", "expected"), [("managed", _MANAGED[0]), ("plain", len(b"text"))])
async def test_an_object_that_was_replaced_meanwhile_is_shown_as_it_is_now(
    gateway: Gateway, key: str, expected: int
) -> None:
    """Between the store's page and the look at an object, another may have taken its place."""
    listed = ListedViews(gateway.policies, gateway.storage, asyncio.Semaphore(4))
    earlier = ListedObject(key, "b" * 32, 1, None, len(b"an earlier rendition"))
    (view,) = await listed.of(gateway.memory.client(), BUCKET, [earlier])
    assert isinstance(view, LogicalView)
    assert view.size == expected


async def test_a_passing_failure_is_not_seen(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A HEAD is sent three times before the listing fails."""
    monkeypatch.setattr(retries, "_MAX_PAUSES_S", (0.0, 0.0))
    gateway.memory.faults["HEAD", "managed"] = [503, 500]
    assert _entries(await _list(gateway))["managed"] == _MANAGED


@pytest.mark.parametrize("status", [400, 500, 503])
async def test_a_wrong_size_is_never_shown(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """When the store does not say what an object is, the listing fails."""
    monkeypatch.setattr(retries, "_MAX_PAUSES_S", (0.0, 0.0))
    gateway.memory.faults["HEAD", "managed"] = [status] * 3
    with pytest.raises(S3Error, match="ServiceUnavailable"):
        await _list(gateway)


async def test_a_failed_listing_leaves_no_requests_behind(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other HEADs end with the listing: they would hold up the listings of other clients."""
    monkeypatch.setattr(retries, "_MAX_PAUSES_S", (1e6, 1e6))
    gateway.memory.faults["HEAD", "managed"] = [503]
    gateway.memory.faults["HEAD", "plain"] = [400]  # a definite answer is not asked for again
    before = asyncio.all_tasks()
    with pytest.raises(S3Error, match="ServiceUnavailable"):
        await _list(gateway)
    left = asyncio.all_tasks() - before
    pending = (await asyncio.wait(left, timeout=10))[1] if left else set()
    assert pending == set()


async def test_an_unreadable_manifest_spoils_one_entry(gateway: Gateway) -> None:
    """An object whose manifest is broken is listed as it is stored."""
    await gateway.store("broken", b"rendition", {"x-amz-meta-slimgate": "{"})
    entries = _entries(await _list(gateway))
    assert (entries["broken"][0], entries["managed"]) == (len(b"rendition"), _MANAGED)


async def test_an_unreadable_manifest_is_not_remembered(gateway: Gateway) -> None:
    """The index outlives the process: an object that another key can read is not plain for ever."""
    await gateway.store("broken", b"rendition", {"x-amz-meta-slimgate": "{"})
    gateway.memory.buckets[BUCKET].keys["broken"][-1].modified -= timedelta(hours=1)
    for _ in range(2):
        gateway.memory.requests.clear()
        await _list(gateway)
        assert "broken" in [head.target.key for head in gateway.sent("HEAD")]


async def test_each_version_has_its_own_view() -> None:
    """In a listing of versions, managed and plain versions of one key are told apart."""
    gateway = Gateway()
    await gateway.store("k", b"")
    gateway.memory.buckets[BUCKET].is_versioned = True
    named = await gateway.store_managed("k", manifest(*_MANAGED))
    await gateway.store("k", b"text")
    answer = await _list(gateway, "versions")
    sizes = {
        s3xml.text(entry, "VersionId"): s3xml.text(entry, "Size")
        for entry in s3xml.parse(answer.body)
        if s3xml.name(entry) == "Version"
    }
    assert sizes[named["x-amz-version-id"]] == str(_MANAGED[0])
    assert sorted(sizes.values()) == ["0", str(_MANAGED[0]), "4"]


async def test_refusals_are_passed_on(gateway: Gateway) -> None:
    """What the store answers to a caller who may not list is the answer."""
    answer = await _list(gateway, x_amz_expected_bucket_owner="another")
    assert (answer.status, b"AccessDenied" in answer.body) == (403, True)
    assert gateway.sent("HEAD") == []


async def _aged(gateway: Gateway) -> None:
    for versions in gateway.memory.buckets[BUCKET].keys.values():
        for version in versions:
            version.modified = version.modified.replace(year=2020)
    gateway.memory.requests.clear()


def _heads(gateway: Gateway) -> list[str]:
    return sorted(head.target.key for head in gateway.sent("HEAD"))


async def test_only_what_may_be_managed_is_asked_for() -> None:
    """Empty and huge objects, and keys that no policy names, cost no request."""
    gateway = Gateway()
    named = Policy(name="p", bucket=BUCKET, prefix="photos/", mode="optimize")
    off = Policy(name="o", bucket=BUCKET, prefix="old/", mode="off")
    gateway.policies.replace((named, off))
    await gateway.store("photos/", b"")
    await gateway.store("photos/plain", b"text")
    await gateway.store("texts/plain", b"text")
    await gateway.store_managed("photos/managed", manifest(*_MANAGED))
    await gateway.store_managed("photos/copies/", manifest(*_MANAGED))
    await gateway.store_managed("old/managed", manifest(*_MANAGED))
    await _aged(gateway)
    entries = _entries(await _list(gateway))
    assert _heads(gateway) == [
        "old/managed", "photos/copies/", "photos/managed", "photos/plain",
    ]  # fmt: skip
    for key in ("old/managed", "photos/copies/", "photos/managed"):
        assert entries[key] == _MANAGED
    await _list(gateway)
    assert _heads(gateway) == []


@pytest.mark.parametrize("prefix", ["photos/", None])
async def test_a_managed_object_that_no_policy_names_is_looked_for(prefix: str | None) -> None:
    """Once a gateway has restored one, listings of its bucket ask for every object."""
    gateway = Gateway()
    named = Policy(name="p", bucket=BUCKET, prefix=prefix or "", mode="optimize")
    gateway.policies.replace((named,) if prefix else ())
    await gateway.store_managed("old/a", manifest(*_MANAGED))
    await gateway.store_managed("old/b", manifest(*_MANAGED))
    await _aged(gateway)
    assert _entries(await _list(gateway))["old/a"][0] == len(b"rendition")
    target = key_target(BUCKET, "old/a")
    storage = gateway.storage
    await look_up(gateway.memory.client(), target, None, storage.seals, storage.index)
    gateway.memory.requests.clear()
    entries = _entries(await _list(gateway))
    assert (entries["old/a"], entries["old/b"]) == (_MANAGED, _MANAGED)
    assert _heads(gateway) == ["old/b"]


async def test_old_versions_are_remembered() -> None:
    """A listing of versions asks for each version once."""
    gateway = Gateway()
    await gateway.store("k", b"first")
    gateway.memory.buckets[BUCKET].is_versioned = True
    await gateway.store_managed("k", manifest(*_MANAGED))
    await gateway.store("k", b"text")
    await _aged(gateway)
    first = await _list(gateway, "versions")
    assert _heads(gateway) == ["k", "k", "k"]
    assert (await _list(gateway, "versions")).body == first.body
    assert _heads(gateway) == []


async def test_a_deleted_version_uncovers_the_earlier_one() -> None:
    """The entry of a version does not fit another one, even with the same rendition."""
    gateway = Gateway()
    await gateway.store("k", b"first")
    bucket = gateway.memory.buckets[BUCKET]
    bucket.is_versioned = True
    await gateway.store_managed("k", manifest(1000, "b" * 32))
    await gateway.store_managed("k", manifest(*_MANAGED))
    for age, version in enumerate(reversed(bucket.keys["k"])):
        version.modified -= timedelta(hours=1 + age)
    assert _entries(await _list(gateway))["k"] == _MANAGED
    bucket.keys["k"].pop()
    assert _entries(await _list(gateway))["k"] == (1000, "b" * 32)


@pytest.mark.parametrize("has_reader", [True, False])
async def test_who_may_list_but_not_read(gateway: Gateway, has_reader: bool) -> None:
    """The index tells everyone the same; what it does not know, a configured key looks at."""
    gateway.memory.faults["HEAD", "managed"] = [403]
    reader = Identity("main", "secret") if has_reader else None
    entries = _entries(await _list(gateway, reader=reader))
    assert (entries["managed"] == _MANAGED) == has_reader
    assert _entries(await _list(gateway))["managed"] == _MANAGED
    gateway.memory.faults["HEAD", "managed"] = [403]
    assert _entries(await _list(gateway))["managed"] == _MANAGED
