"""Attributes of objects in the store in memory."""

from slimgate.gateway.handlers.attributes import GetAttributes
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.routing import key_target
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import manifest

_ALL = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"


async def _attributes(gateway: Gateway, wanted: str = _ALL, version_id: str = "") -> Answer:
    handler = GetAttributes(gateway.storage, gateway.plain)
    text = f"attributes&versionId={version_id}" if version_id else "attributes"
    said = {"x-amz-object-attributes": wanted}
    call, writer = gateway.call("GET", key_target(BUCKET, "k"), text, said)
    return answered(await handler(call), writer)


def _texts(answer: Answer) -> dict[str, str]:
    return {s3xml.name(child): child.text or "" for child in s3xml.parse(answer.body)}


async def test_a_managed_object_has_the_attributes_of_its_upload() -> None:
    """ETag and size are those of the manifest; parts and checksums are not told."""
    gateway = Gateway()
    await gateway.store_managed("k", manifest(100_000, "a" * 32))
    answer = await _attributes(gateway)
    assert _texts(answer) == {
        "ETag": "a" * 32, "StorageClass": "STANDARD", "ObjectSize": "100000",
    }  # fmt: skip
    assert [each.query for each in gateway.memory.requests if each.method == "GET"] == []


async def test_only_what_was_asked_for_is_told() -> None:
    """The answer has the attributes that the header names."""
    gateway = Gateway()
    await gateway.store_managed("k", manifest())
    assert _texts(await _attributes(gateway, "ObjectSize")) == {"ObjectSize": "100000"}


async def test_a_version_is_named() -> None:
    """The attributes are those of the version that is asked for."""
    gateway = Gateway()
    await gateway.store("k", b"")
    gateway.memory.buckets[BUCKET].is_versioned = True
    named = await gateway.store_managed("k", manifest(1000))
    await gateway.store_managed("k", manifest(2000))
    version_id = named["x-amz-version-id"]
    answer = await _attributes(gateway, version_id=version_id)
    assert _texts(answer)["ObjectSize"] == "1000"
    assert answer.headers["x-amz-version-id"] == version_id


async def test_plain_objects_are_the_stores_to_describe() -> None:
    """The request for a plain object goes on as it came."""
    gateway = Gateway()
    await gateway.store("k", b"text")
    await _attributes(gateway)
    (request,) = gateway.sent("GET")
    assert (request.query, request.headers["x-amz-object-attributes"]) == ("attributes", _ALL)
