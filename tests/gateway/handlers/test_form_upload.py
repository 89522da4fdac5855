"""Form uploads into the store in memory: verified, optimized, or passed on as they are."""

import base64
import datetime
import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest
from urllib3 import encode_multipart_formdata

from slimgate.codec.manifest import Manifest
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Ledger as LedgerSettings
from slimgate.config import Policies, Policy, Settings
from slimgate.gateway.cache.memory import MemoryCache
from slimgate.gateway.handlers.deferring import QueuedUpload
from slimgate.gateway.handlers.form_upload import FormUpload
from slimgate.gateway.handlers.post_form import PostObject
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.http.request_body import BodyLimits
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.credentials.callers import Callers
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.telemetry.ledger import Ledger
from slimgate.gateway.telemetry.telemetry import Telemetry
from tests.gateway.handlers.calls import BUCKET, Answer, Gateway, answered
from tests.gateway.instant_workers import IMAGE, RENDITION, InstantWorkers
from tests.memory_store.buckets import ALL_USERS, Version

_MD5: Final = hashlib.md5(IMAGE, usedforsecurity=False).hexdigest()
_DATE: Final = datetime.datetime.now(datetime.UTC)
_SETTINGS: Final = Settings.model_validate(
    {
        "upstream": {"endpoint": "http://127.0.0.1:9"},
        "credentials": [
            {"access_key": "main", "secret_key": "secret"},
            {"access_key": "app", "secret_key": "hidden", "upstream_access_key": "main",
             "upstream_secret_key": "secret"},
        ],
    }
)  # fmt: skip
_SECRETS: Final = {"main": "secret", "app": "hidden", "unknown": "unknown"}
_TAGS: Final = "<Tagging><TagSet><Tag><Key>colour</Key><Value>red</Value></Tag></TagSet></Tagging>"
_KEYS: Final = ("main", "app")

Fields = list[tuple[str, Any]]


def _signed(key: str, fields: dict[str, str], conditions: list[Any]) -> dict[str, str]:
    """Return a form's fields with those of its signature."""
    scope = f"{_DATE:%Y%m%d}/us-east-1/s3/aws4_request"
    signing = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{key}/{scope}",
        "x-amz-date": f"{_DATE:%Y%m%dT%H%M%SZ}",
    }
    covered = [["starts-with", f"${name}", ""] for name in fields]
    document = {
        "expiration": f"{_DATE + datetime.timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "conditions": [
            {"bucket": BUCKET}, *({n: v} for n, v in signing.items()), *covered, *conditions,
        ],
    }  # fmt: skip
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    derived = f"AWS4{_SECRETS[key]}".encode()
    for step in scope.split("/"):
        derived = hmac.digest(derived, step.encode(), "sha256")
    signature = hmac.digest(derived, policy.encode(), "sha256").hex()
    return {**fields, **signing, "policy": policy, "x-amz-signature": signature}


@dataclass
class _Forms:
    """A gateway that takes forms.

    Attributes:
        mode: Mode of the policy; None: there is none.
        workers: Search for renditions.
        room: Bytes for bodies in memory.
        anonymous: The policy admits forms that nobody has signed.
    """

    mode: Any = "optimize"
    workers: InstantWorkers = field(default_factory=InstantWorkers)
    room: int = 1 << 24
    anonymous: bool = True
    cache: MemoryCache = field(default_factory=lambda: MemoryCache(1 << 20, 60.0))

    def __post_init__(self) -> None:
        named: dict[str, Any] = {"name": "p", "bucket": BUCKET, "anonymous": self.anonymous}
        policies = () if self.mode is None else (Policy(mode=self.mode, **named),)
        self.gateway = Gateway(policies=Policies(policies))

    async def post(
        self,
        key: str = "main",
        data: bytes = IMAGE,
        *,
        conditions: list[Any] | None = None,
        more: Fields | None = None,
        changed: dict[str, str] | None = None,
        **fields: str,
    ) -> Answer:
        """Send a form; underscores in the names of fields are dashes.

        Args:
            key: Access key that signs it; empty: nobody signs it.
            data: The file.
            conditions: More conditions of the policy.
            more: Fields behind the file.
            changed: Fields that are changed after signing.
            fields: Signed fields.
        """
        named = {"key": "k", **{name.replace("_", "-"): v for name, v in fields.items()}}
        signed = _signed(key, named, conditions or []) if key else named
        parts: Fields = [*{**signed, **(changed or {})}.items()]
        return await self.send([*parts, ("file", ("a.jpg", data, "image/jpeg")), *(more or [])])

    async def send(self, parts: Fields) -> Answer:
        """Send a form as it is."""
        await self.gateway.store("other", b"")
        self.gateway.memory.requests.clear()
        self.body, content_type = encode_multipart_formdata(parts)
        target = Target(BUCKET, "", "")
        said = {"Content-Type": content_type}
        call, writer = self.gateway.call("POST", target, "", said, self.body)
        spool = ByteBudget(1 << 20)
        limits = BodyLimits(call.body_limits.limits, spool, call.stall_timer)
        call = replace(
            call, source=None, client=self.gateway.memory.client(None), body_limits=limits,
            upload_quota=ByteBudget(self.room),
        )  # fmt: skip
        ledger = Ledger(LedgerSettings())
        policies, storage = self.gateway.policies, self.gateway.storage
        shared = (Telemetry(ledger), self.gateway.deferral, self.cache)
        uploads = FormUpload(policies, storage, self.workers, *shared)
        signer = Callers(_SETTINGS, policies).signer
        handler = PostObject(policies, ledger, uploads, signer, self.gateway.plain)
        answer = answered(await handler(call), writer)
        assert spool.held == 0
        return answer

    def version(self, key: str = "k") -> Version:
        """Return the object in the store."""
        return self.gateway.memory.buckets[BUCKET].find(key, None)

    def stored(self, key: str = "k") -> tuple[bytes, Manifest | None]:
        """Return what the store has, and its manifest."""
        version = self.version(key)
        note = version.headers.get(headers.MANIFEST)
        return version.data, None if note is None else self.gateway.storage.seals.read(note)

    async def passed_on(self) -> bool:
        """Return whether the form went to the store as it was, and nothing else."""
        (request,) = (r for r in self.gateway.memory.requests if r.target.bucket == BUCKET)
        return request.method == "POST"


@pytest.mark.parametrize("key", _KEYS)
async def test_an_image_in_a_form_becomes_a_rendition(key: str) -> None:
    """The rendition has everything that the form says of its file, and the form is answered."""
    forms = _Forms()
    answer = await forms.post(
        key, content_type="image/jpeg", acl="public-read", tagging=_TAGS, x_amz_meta_a="1"
    )
    data, read = forms.stored()
    assert (answer.status, answer.headers["ETag"], data) == (204, f'"{_MD5}"', RENDITION)
    assert read is not None
    version = forms.version()
    assert (version.headers["x-amz-meta-a"], version.tags) == ("1", [("colour", "red")])
    assert ("READ", ALL_USERS) in version.grants


async def test_the_name_of_the_file_is_part_of_the_key() -> None:
    """The variable in the key is expanded before the policy is evaluated."""
    forms = _Forms()
    await forms.send(
        [*_signed("main", {"key": "a/${filename}"}, [{"key": "a/b.jpg"}]).items(),
         ("file", ("b.jpg", IMAGE, "image/jpeg"))]
    )  # fmt: skip
    assert forms.stored("a/b.jpg")[0] == RENDITION


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"success_action_status": "201"}, 201), ({"success_action_redirect": "http://x/"}, 303)],
)
async def test_the_form_chooses_the_response(asked: dict[str, str], status: int) -> None:
    """A stored form is answered with what it asks for."""
    forms = _Forms()
    fields = _signed("main", {"key": "k", **asked}, [])
    answer = await forms.send([*fields.items(), ("file", ("a.jpg", IMAGE, "image/jpeg"))])
    assert answer.status == status
    assert forms.stored()[0] == RENDITION


@pytest.mark.parametrize("key", _KEYS)
async def test_a_refused_image_is_stored_as_it_is(key: str) -> None:
    """A file that no worker makes smaller is stored with the same metadata."""
    forms = _Forms(workers=InstantWorkers(error=Refused(Reason.SMALL)))
    answer = await forms.post(key, x_amz_meta_a="1")
    assert (answer.status, answer.headers["ETag"]) == (204, f'"{_MD5}"')
    assert forms.stored() == (IMAGE, None)
    assert forms.version().headers["x-amz-meta-a"] == "1"


async def test_a_shadow_policy_stores_the_file() -> None:
    """Under a shadow policy the file is stored as it is, and looked at later."""
    forms = _Forms("shadow")
    await forms.post()
    assert (forms.stored(), forms.workers.optimized) == ((IMAGE, None), [])
    assert await forms.gateway.queued() == [QueuedUpload(BUCKET, "k", _MD5)]


@pytest.mark.parametrize("key", ["main", "unknown", ""])
async def test_other_files_are_passed_on(key: str) -> None:
    """A form that is not the gateway's to store reaches the store byte for byte."""
    forms = _Forms()
    await forms.post(key, b"text")
    (request,) = forms.gateway.sent("POST")
    assert (request.length, request.target.bucket) == (len(forms.body), BUCKET)
    assert request.headers["Content-Type"].startswith("multipart/form-data")


async def test_forms_of_strangers_need_the_consent_of_the_policy() -> None:
    """Without it nothing reaches the store; a form that claims a signature is for it to verify."""
    forms = _Forms(anonymous=False)
    with pytest.raises(S3Error, match="AccessDenied"):
        await forms.post("", b"text")
    assert forms.gateway.memory.requests == []
    await forms.post("unknown", b"text")
    assert [request.method for request in forms.gateway.memory.requests] == ["POST"]


async def test_without_a_policy_forms_are_passed_on() -> None:
    """Where no policy is in force, the store verifies what it can."""
    forms = _Forms(None)
    await forms.post()
    assert [r.method for r in forms.gateway.memory.requests] == ["POST"]


@pytest.mark.parametrize("mode", [None, "optimize"])
async def test_keys_of_the_gateway_work(mode: Any) -> None:
    """What the store cannot verify is verified here, and stored on behalf of the signer."""
    forms = _Forms(mode)
    answer = await forms.post("app", b"text" * 100_000, x_amz_meta_a="1")
    assert (answer.status, forms.stored()) == (204, (b"text" * 100_000, None))
    assert [r.method for r in forms.gateway.memory.requests] == ["PUT"]
    assert forms.version().headers["x-amz-meta-a"] == "1"


async def test_an_empty_file_of_a_key_of_the_gateway() -> None:
    """An empty file is a file."""
    forms = _Forms()
    assert (await forms.post("app", b"")).status == 204
    assert forms.stored() == (b"", None)


@pytest.mark.parametrize("key", _KEYS)
async def test_without_memory_forms_are_stored_as_they_are(key: str) -> None:
    """A form that does not fit into memory is streamed."""
    forms = _Forms(room=100)
    await forms.post(key)
    assert forms.workers.optimized == []
    if key == "app":
        assert forms.stored() == (IMAGE, None)
    else:
        assert [r.method for r in forms.gateway.memory.requests][-1] == "POST"


_FORGED: Final = [
    ({"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch"),
    ({"key": "other", "x-amz-meta-a": "1"}, "AccessDenied"),
    ({"policy": "e30="}, "SignatureDoesNotMatch"),
]


@pytest.mark.parametrize("key", _KEYS)
@pytest.mark.parametrize(("changed", "code"), _FORGED)
async def test_forged_forms_are_refused(key: str, changed: dict[str, str], code: str) -> None:
    """A form that is not what was signed changes nothing."""
    forms = _Forms()
    with pytest.raises(S3Error) as caught:
        await forms.post(key, changed=changed)
    assert (caught.value.code, forms.gateway.memory.requests) == (code, [])
    assert forms.workers.optimized == []


@pytest.mark.parametrize("key", _KEYS)
@pytest.mark.parametrize(
    ("sizes", "code"),
    [((1, 10), "EntityTooLarge"), ((1 << 20, 1 << 21), "EntityTooSmall")],
)
async def test_sizes_are_bounded(key: str, sizes: tuple[int, int], code: str) -> None:
    """A file that its policy does not permit is not stored, whatever it is."""
    for data in (IMAGE, b"text" * 100):
        forms = _Forms()
        if data != IMAGE and key == "main":
            continue  # the store's to judge
        with pytest.raises(S3Error) as caught:
            await forms.post(key, data, conditions=[["content-length-range", *sizes]])
        assert caught.value.code == code
        assert [r for r in forms.gateway.memory.requests if r.method in {"PUT", "POST"}] == []


@pytest.mark.parametrize("key", _KEYS)
async def test_checksums_are_verified(key: str) -> None:
    """A checksum in a form is compared with its file, and echoed."""
    digest = base64.b64encode(hashlib.sha256(IMAGE).digest()).decode()
    assert (await _Forms().post(key, x_amz_checksum_sha256=digest)).headers[
        "x-amz-checksum-sha256"
    ] == digest
    with pytest.raises(S3Error, match="BadDigest"):
        await _Forms().post(key, IMAGE + b"x", x_amz_checksum_sha256=digest)


async def test_two_files_are_refused() -> None:
    """Which of two files is meant, parsers could see differently."""
    forms, other = _Forms(), ("file", ("b.jpg", b"x", "image/jpeg"))
    with pytest.raises(S3Error, match="MalformedPOSTRequest"):
        await forms.post(more=[other])


@pytest.mark.parametrize(
    ("key", "fields", "reason"),
    [
        ("main", {"content_encoding": "gzip"}, Reason.ENCODED),
        ("app", {"content_encoding": "gzip"}, Reason.ENCODED),
        ("app", {"x_amz_object_lock_mode": "COMPLIANCE"}, Reason.OBJECT_LOCK),
    ],
)
async def test_what_stays_has_a_reason(key: str, fields: dict[str, Any], reason: Reason) -> None:
    """A file that has to stay as it is, is; once it is stored, it is counted."""
    counter = metrics.PLAIN.labels("p", reason)
    before, forms = counter._value.get(), _Forms()
    await forms.post(key, **fields)
    stored_here = key == "app"
    assert counter._value.get() - before == stored_here
    assert (forms.stored() == (IMAGE, None)) if stored_here else await forms.passed_on()


async def test_fields_that_the_gateway_does_not_know() -> None:
    """A field without a header of its own is the store's to understand, or refused."""
    forms = _Forms()
    await forms.post(x_amz_new="1")
    assert [r.method for r in forms.gateway.memory.requests] == ["POST"]
    with pytest.raises(S3Error, match="InvalidArgument"):
        await forms.post("app", x_amz_new="1")


async def test_the_store_decides_who_may_write() -> None:
    """A signer whom the store does not permit to write is told so."""
    forms = _Forms()
    await forms.gateway.store("other", b"")
    forms.gateway.memory.buckets[BUCKET].owner = "somebody"
    answer = await forms.post("app")
    assert (answer.status, b"AccessDenied" in answer.body) == (403, True)
