import io
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from PIL import Image

from slimgate.config import Policy
from slimgate.eval.demo.roundtrip import IDENTICAL, Row, round_trip
from slimgate.eval.demo.sample_images import Sample

ETAG = '"0123456789abcdef0123456789abcdef-1"'


def _png(seed: int, size: tuple[int, int] = (32, 32), mode: str = "RGB") -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(file, "PNG")
    return file.getvalue()


POLICY = Policy(name="photos", bucket="photos", mode="optimize")
SAMPLE = Sample("noise.png", _png(1), "image/png")


class _FakeStore:
    """A boto3-like client with a configurable view of one object."""

    def __init__(self, data: bytes, *, tier: str | None = None, **views: Any) -> None:
        self.data, self.tier, self.views = data, tier, views

    def put_object(self, **_: Any) -> None:
        """Take anything."""

    def get_object(self, **_: Any) -> dict[str, Any]:
        headers = {} if self.tier is None else {"x-slimgate-tier": self.tier}
        answer = self._view("get")
        return {**answer, "Body": io.BytesIO(self.data), "ResponseMetadata": _meta(headers)}

    def head_object(self, **_: Any) -> dict[str, Any]:
        return self._view("head")

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        entry = {"Key": SAMPLE.key, "Size": len(self.data), "ETag": ETAG}
        return {"Contents": self.views.get("entries", [entry])}

    def _view(self, name: str) -> dict[str, Any]:
        view: dict[str, Any] = {
            "ContentLength": len(self.data),
            "ETag": ETAG,
            "ContentType": "image/png",
        }
        view.update(self.views.get(name, {}))
        return view


def _meta(headers: dict[str, str]) -> dict[str, Any]:
    return {"HTTPHeaders": headers}


def _trip(gateway: Any, stored: int = 100) -> Row:
    upstream = _FakeStore(bytes(stored))
    return round_trip(SAMPLE, policy=POLICY, gateway=gateway, upstream=upstream)


def test_identical_bytes_are_perfect() -> None:
    """An identical file is not decoded, and has no problems."""
    row = _trip(_FakeStore(SAMPLE.data))
    assert (row.measured, row.problems, row.tier, row.restored) == (IDENTICAL, (), "plain", False)


def test_stored_bytes_are_those_of_the_bucket() -> None:
    """The size that is paid for is asked from the store, not from the gateway."""
    row = _trip(_FakeStore(SAMPLE.data), stored=77)
    assert (row.uploaded, row.stored) == (len(SAMPLE.data), 77)


def test_restored_images_are_measured() -> None:
    """Other pixels of the same size are measured against the upload."""
    other = _png(2)
    other += bytes(max(0, len(SAMPLE.data) - len(other)))
    row = _trip(_FakeStore(other[: len(SAMPLE.data)], tier="recode"))
    assert row.restored
    assert row.measured is not None
    assert row.measured.ssimulacra2 is not None
    assert row.measured.ssimulacra2 < 30
    assert row.below


@pytest.mark.parametrize(
    ("gateway", "problem"),
    [
        (_FakeStore(SAMPLE.data + b"x", tier="recode"), "bytes downloaded"),
        (_FakeStore(SAMPLE.data + b"x"), "the bytes differ"),
        (_FakeStore(_png(2, (31, 32)), tier="recode"), "uploaded"),
        (_FakeStore(_png(2, mode="L"), tier="recode"), "uploaded"),
        (_FakeStore(b"no image", tier="recode"), "cannot be decoded"),
        (_FakeStore(SAMPLE.data, head={"ContentLength": 1}), "HEAD says"),
        (_FakeStore(SAMPLE.data, head={"ETag": '"x"'}), "HEAD says"),
        (_FakeStore(SAMPLE.data, get={"ContentType": "image/avif"}), "became image/avif"),
        (_FakeStore(SAMPLE.data, entries=[]), "listed 0 times"),
        (
            _FakeStore(SAMPLE.data, entries=[{"Key": SAMPLE.key, "Size": 1, "ETag": ETAG}]),
            "LIST says",
        ),
    ],
)
def test_differences_are_failures(gateway: _FakeStore, problem: str) -> None:
    """Every way in which an object is not the uploaded one is reported."""
    assert problem in " / ".join(_trip(gateway).problems)


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "SlowDown"}}, "PutObject"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_errors_are_failures(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the client is a row that failed, so that the other images are still tried."""

    def refuse(**_: Any) -> None:
        raise error

    gateway = _FakeStore(SAMPLE.data)
    monkeypatch.setattr(gateway, "put_object", refuse)
    assert _trip(gateway).problems == (str(error),)
