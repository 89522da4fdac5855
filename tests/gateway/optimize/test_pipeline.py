from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from multidict import CIMultiDict

from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Engine, Policy
from slimgate.config import Manifests as ManifestSettings
from slimgate.gateway.optimize import pipeline, steps
from slimgate.gateway.optimize.candidate import Candidate, InMemory, StoredCandidate
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request, Sending
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.originals import Archive
from slimgate.gateway.workers.pool import Busy, Workers
from tests.config.builders import policy

_JPEG = b"\xff\xd8\xff\xe0" + bytes(60)


class _Finding(Workers):
    """Workers that find the same at once, or refuse."""

    def __init__(self, answer: Optimized | Exception) -> None:
        super().__init__(Engine(), address=Path("nobody"))
        self._answer = answer
        self.searches = 0

    async def optimize(
        self, data: bytes, policy: Policy, *, content_type: str, version: str
    ) -> Optimized:
        """Return the answer."""
        self.searches += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class _NoStore(ObjectClient):
    """A store that must not be used."""

    @property
    def passed_along(self) -> Mapping[str, str]:
        """Return no headers."""
        return {}

    def altered(
        self,
        *,
        source: CredentialSource | None = None,
        passed_along: Mapping[str, str] | None = None,
    ) -> Self:
        """Return the same store."""
        del source, passed_along
        return self

    def send(self, request: Request) -> Sending:
        """Fail."""
        raise AssertionError(request)


@dataclass
class _Shelf:
    """Takes renditions, or refuses."""

    refuses: bool = False
    taken: list[Request] = field(default_factory=list)

    async def put(self, request: Request, _: Optimized) -> None:
        """Take a rendition."""
        if self.refuses:
            raise Refused(Reason.REFUSED)
        self.taken.append(request)


class _Full:
    """An image for which there is no memory."""

    size = len(_JPEG)

    async def peek(self) -> bytes:
        """Return the first bytes."""
        return _JPEG

    async def read(self) -> bytes:
        """Refuse."""
        raise Refused(Reason.BUFFERS)


def _image(shelf: _Shelf | None = None, **changes: Any) -> StoredCandidate:
    """Return an image that takes all steps, with some facts changed."""

    async def plain() -> Request:
        return Request("PUT", key_target("photos", "a"), headers=changes["headers"])

    changes.setdefault("headers", CIMultiDict({"Content-Type": "image/jpeg"}))
    facts: dict[str, Any] = {
        "policy": Policy.model_validate(policy()),
        "target": key_target("photos", "a"),
        "source": InMemory(_JPEG),
        "workers": _Finding(_found()),
        "client": _NoStore(),
        "seals": Seals(ManifestSettings()),
        "archive": Archive(),
        "plain": plain,
        "destination": (shelf or _Shelf()).put,
    }
    return StoredCandidate(**{**facts, **changes})


def _found(tier: str = "recode") -> Optimized:
    told: dict[str, Any] = {
        "v": 1, "n": len(_JPEG), "md5": "0" * 32, "ct": "image/jpeg", "w": 640, "h": 427,
        "st": {"t": tier, "c": "jxl", "q": 100, "x": 1, "r": None}, "sha": "1" * 64,
        "cd": "2" * 32, "fid": {"p": 100.0, "s": 1.0, "o": 1.0}, "pol": "3" * 12, "gw": "0.1.0",
        "out": {"f": "JPEG", "m": "RGB", "q": 90, "s": "4:2:0", "p": False},
    }  # fmt: skip
    if tier == "exact":
        del told["out"]
    manifest = Manifest.model_validate(told, by_alias=True, by_name=False)
    return Optimized(b"small", manifest, ())


async def _true() -> bool:
    return True


def test_the_order_of_the_steps() -> None:
    """What is judged first costs least, and nothing is stored before its original is kept."""
    assert [step.__name__ for step in pipeline.STEPS] == [
        "screen_request",
        "bound_size",
        "sniff_type",
        "check_lock",
        "read",
        "find_byte_exact",
        "reuse",
        "search",
        "record",
        "write_manifest",
        "keep_original",
        "store",
    ]


def test_what_is_not_stored_takes_the_first_steps() -> None:
    """The playground and shadow policies take a prefix of the same steps."""
    for prefix in (pipeline.FIND, pipeline.RECORD, pipeline.ADMIT):
        assert pipeline.STEPS[: len(prefix)] == prefix


async def test_an_image_becomes_a_rendition() -> None:
    """The rendition is stored with its manifest, under the headers of the upload."""
    shelf = _Shelf()
    headers = CIMultiDict({"Content-Type": "image/jpeg", "Cache-Control": "max-age=60"})
    await pipeline.run(pipeline.STEPS, _image(shelf, headers=headers))
    (stored,) = shelf.taken
    assert stored.body == b"small"
    assert stored.headers["Content-Type"] == "image/jxl"
    assert stored.headers["Cache-Control"] == "max-age=60"
    assert "x-amz-meta-slimgate" in stored.headers


_BIG = Policy.model_validate(policy(limits={"max_bytes": 10}))
_PNG = Policy.model_validate(policy(types=["image/png"]))
_LOSSY = Policy.model_validate(policy(tiers=["recode"]))
_KEEPS = Policy.model_validate(policy(originals={"keep": "originals"}))


@pytest.mark.parametrize(
    ("changes", "reason", "last"),
    [
        ({"signed": False}, Reason.ANONYMOUS, steps.screen_request),
        ({"target": Target("photos", "a/", "")}, Reason.DIRECTORY, steps.screen_request),
        (
            {"headers": CIMultiDict({"x-amz-object-lock-mode": "GOVERNANCE"})},
            Reason.OBJECT_LOCK,
            steps.screen_request,
        ),
        (
            {"headers": CIMultiDict({"x-amz-server-side-encryption-customer-key": "k"})},
            Reason.CUSTOMER_KEY,
            steps.screen_request,
        ),
        (
            {"headers": CIMultiDict({"x-amz-write-offset-bytes": "5"})},
            Reason.OFFSET,
            steps.screen_request,
        ),
        (
            {"headers": CIMultiDict({"Content-Encoding": "gzip"})},
            Reason.ENCODED,
            steps.screen_request,
        ),
        (
            {"headers": CIMultiDict({"Content-Type": "image/" + "x" * 100})},
            Reason.CONTENT_TYPE,
            steps.screen_request,
        ),
        ({"asks_more": True}, Reason.QUERY, steps.screen_request),
        ({"policy": _BIG}, Reason.SIZE, steps.bound_size),
        ({"source": InMemory(b"")}, Reason.SIZE, steps.bound_size),
        ({"policy": _PNG}, Reason.TYPE, steps.sniff_type),
        ({"locks": _true}, Reason.LOCKED, steps.check_lock),
        ({"source": _Full()}, Reason.BUFFERS, steps.read),
        (
            {"policy": _LOSSY, "headers": CIMultiDict({"Cache-Control": "no-transform"})},
            Reason.BYTE_EXACT,
            steps.search,
        ),
        ({"workers": _Finding(Refused(Reason.FLOOR))}, Reason.FLOOR, steps.search),
        ({"workers": _Finding(Busy("full"))}, Reason.BUSY, steps.search),
        (
            {"headers": CIMultiDict({"x-amz-meta-note": "n" * 2040})},
            Reason.METADATA,
            steps.write_manifest,
        ),
    ],
)
async def test_every_exit_has_its_reason(
    changes: dict[str, Any], reason: Reason, last: Any
) -> None:
    """What stays as it is says why, and no step behind that one is taken."""
    shelf, image = _Shelf(), _image(**changes)
    image.destination = shelf.put
    before = pipeline.STEPS.index(last)
    await pipeline.run(pipeline.STEPS[:before], image)
    with pytest.raises((Refused, Busy)) as caught:
        await last(image)
    assert reason == caught.value.reason  # type: ignore[attr-defined]
    assert shelf.taken == []


async def test_a_store_that_refuses_the_rendition_is_a_reason() -> None:
    """The caller stores the upload instead."""
    with pytest.raises(Refused) as caught:
        await pipeline.run(pipeline.STEPS, _image(_Shelf(refuses=True)))
    assert caught.value.reason is Reason.REFUSED


async def test_a_known_rendition_is_not_searched_for() -> None:
    """A copy keeps the rendition of its source."""

    async def known(_: bytes) -> Optimized | None:
        return Optimized(b"known", _found().manifest, ())

    workers, shelf = _Finding(_found()), _Shelf()
    await pipeline.run(pipeline.STEPS, _image(shelf, workers=workers, known=known))
    assert (workers.searches, shelf.taken[0].body) == (0, b"known")


async def test_a_lossy_rendition_is_not_reused_where_bytes_count() -> None:
    """An object that asks for its very bytes gets no other ones."""

    async def known(_: bytes) -> Optimized | None:
        return Optimized(b"known", _found().manifest, ())

    headers = CIMultiDict({"Content-Type": "image/jpeg", "Cache-Control": "no-transform"})
    workers, shelf = _Finding(_found("exact")), _Shelf()
    await pipeline.run(pipeline.STEPS, _image(shelf, workers=workers, known=known, headers=headers))
    assert (workers.searches, shelf.taken[0].body) == (1, b"small")


async def test_the_playground_stores_nothing() -> None:
    """An image that is only tried has no bucket, and is found all the same."""
    image = Candidate(
        policy=Policy.model_validate(policy()),
        target=Target("", "", ""),
        headers={"Content-Type": "image/jpeg"},
        source=InMemory(_JPEG),
        workers=_Finding(_found()),
    )
    await pipeline.run(pipeline.FIND, image)
    assert image.rendition.rendition == b"small"
