"""Requests that need nothing of the gateway, on the store in memory."""

from typing import Final

import pytest

from slimgate.config import Ledger as LedgerSettings
from slimgate.gateway.cache.memory import CacheKey, MemoryCache
from slimgate.gateway.handlers.cache_invalidation import CacheInvalidation, changed_key
from slimgate.gateway.handlers.form_upload import FormUpload
from slimgate.gateway.handlers.post_form import PostObject
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.telemetry.telemetry import Telemetry
from tests.gateway.handlers.calls import BUCKET, Gateway, answered
from tests.gateway.instant_workers import InstantWorkers

_TARGET: Final = key_target(BUCKET, "k")
_CACHED: Final = CacheKey(BUCKET, "k", "", "stored", "", "1" * 64)


async def test_any_request_is_passed_on() -> None:
    """Method, query and headers of a request, and all of its answer, are as they came."""
    gateway = Gateway()
    await gateway.store("k", b"text", {"x-amz-tagging": "a=1"})
    gateway.memory.requests.clear()
    call, writer = gateway.call("GET", _TARGET, "tagging", {"x-amz-request-payer": "requester"})
    answer = answered(await gateway.plain(call), writer)
    assert (answer.status, b"<Key>a</Key>" in answer.body) == (200, True)
    (request,) = gateway.memory.requests
    assert (request.query, dict(request.headers)) == (
        "tagging",
        {"x-amz-request-payer": "requester"},
    )


async def test_bodies_are_passed_on() -> None:
    """The body of an upload reaches the store, and the store's ETag the client."""
    gateway = Gateway()
    await gateway.store("other", b"")
    call, writer = gateway.call("PUT", _TARGET, body=b"text")
    answer = answered(await gateway.plain(call), writer)
    assert answer.headers["ETag"] == '"1cb251ec0d568de6a929b520c4aed8d1"'
    assert gateway.memory.buckets[BUCKET].find("k", None).data == b"text"


@pytest.mark.parametrize(
    ("faults", "left"), [([], None), ([403], b"restored"), ([500], b"restored")]
)
async def test_what_is_deleted_is_dropped_from_the_cache(
    faults: list[int], left: bytes | None
) -> None:
    """A restored file goes once the store has deleted its object, and not when it refuses."""
    gateway, cache = Gateway(), MemoryCache(1 << 20, 60.0)
    await gateway.store("k", b"text")
    await cache.put(_CACHED, b"restored")
    gateway.memory.faults["DELETE", "k"] = [*faults]
    call, _ = gateway.call("DELETE", _TARGET)
    await CacheInvalidation(cache, BUCKET, changed_key(call)).after(gateway.plain(call))
    assert await cache.get(_CACHED) == left


async def test_parts_of_uploads_change_no_object() -> None:
    """An upload of a part drops nothing: the object is what it was."""
    call, _ = Gateway().call("PUT", _TARGET, "partNumber=1&uploadId=u", body=b"part")
    assert changed_key(call) == ""


@pytest.mark.parametrize(
    ("target", "content_type", "code"),
    [
        (_TARGET, "multipart/form-data; boundary=b", "MethodNotAllowed"),
        (Target(BUCKET, "", ""), "application/x-www-form-urlencoded", "PreconditionFailed"),
        (Target(BUCKET, "", ""), "multipart/form-data; boundary=b", "MalformedPOSTRequest"),
    ],
)
async def test_forms_are_judged_first(target: Target, content_type: str, code: str) -> None:
    """A form that is sent to a key, of another type or malformed does not reach the store."""
    gateway, ledger = Gateway(), Ledger(LedgerSettings())
    call, _ = gateway.call("POST", target, said={"Content-Type": content_type}, body=b"no form")
    policies, cache = gateway.policies, MemoryCache(1, 1.0)
    telemetry = Telemetry(ledger)
    shared = (gateway.storage, InstantWorkers(), telemetry, gateway.deferral, cache)
    uploads = FormUpload(policies, *shared)
    parts = (policies, ledger, uploads, lambda *_: None, gateway.plain)
    with pytest.raises(S3Error, match=code):
        await PostObject(*parts)(call)
    assert gateway.memory.requests == []
