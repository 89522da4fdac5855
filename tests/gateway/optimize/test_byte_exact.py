"""Which uploads have to come back byte for byte."""

import base64
import hashlib
import uuid

import pytest
from multidict import CIMultiDict

from slimgate.codec.optimize import Refused
from slimgate.config import Policy
from slimgate.gateway.optimize.byte_exact import ByteExact, digest_in, narrowed, reason

_DATA = b"an image"
_MD5 = hashlib.md5(_DATA, usedforsecurity=False)
_SHA1 = hashlib.sha1(_DATA, usedforsecurity=False)
_SHA256 = hashlib.sha256(_DATA)
_OTHER = hashlib.sha256(b"another image").hexdigest()


def _cut(text: str, *lengths: int) -> str:
    pieces = []
    for length in lengths:
        pieces.append(text[:length])
        text = text[length:]
    return "/".join([*pieces, text])


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (_MD5.hexdigest(), ByteExact.MD5),
        (f"images/{_MD5.hexdigest()}.jpg", ByteExact.MD5),
        (f"images/{_MD5.hexdigest().upper()}.JPG", ByteExact.MD5),
        (f"images/{uuid.UUID(_MD5.hexdigest())}.jpg", ByteExact.MD5),
        (f"x{_MD5.hexdigest()}y", ByteExact.MD5),
        (_cut(_MD5.hexdigest(), 2), ByteExact.MD5),
        (f"a/{_cut(_SHA1.hexdigest(), 2, 2)}", ByteExact.SHA1),
        (f"objects/{_cut(_SHA1.hexdigest(), 2)}", ByteExact.SHA1),
        (f"{_SHA256.hexdigest()[:2]}/{_SHA256.hexdigest()}", ByteExact.SHA256),
        (f"{_cut(_SHA256.hexdigest(), 1, 1, 1, 30)}.png", ByteExact.SHA256),
        (f"sha256:{_SHA256.hexdigest()}", ByteExact.SHA256),
        (f"sha256-{_base64(_SHA256.digest())}", ByteExact.SHA256),
        (base64.urlsafe_b64encode(_MD5.digest()).decode().rstrip("="), ByteExact.MD5),
        (f"{base64.b32encode(_SHA1.digest()).decode().lower()}.jpg", ByteExact.SHA1),
        (f"{_cut(_OTHER, 2)}/{_MD5.hexdigest()}", ByteExact.MD5),
        ("", None),
        ("holiday.jpg", None),
        (_OTHER, None),
        (f"{_OTHER}/{_OTHER}", None),
        (_MD5.hexdigest()[:-1], None),
        (_MD5.hexdigest()[::-1], None),
        (_base64(_SHA256.digest()).swapcase(), None),
        ("a" * 1024, None),
        ("\udcff" * 40, None),
    ],
)
def test_digests_in_keys(key: str, expected: ByteExact | None) -> None:
    """A digest of the content is found in a key however it is spelled and cut."""
    assert digest_in(key, _DATA) is expected


@pytest.mark.parametrize(
    ("cache_control", "expected"),
    [
        ("no-transform", True),
        ("No-Transform", True),
        ("public, max-age=60 , no-transform", True),
        ("no-transform,immutable", True),
        ("", False),
        ("no-cache", False),
        ("max-age=60, no-transforms", False),
    ],
)
async def test_no_transform(cache_control: str, expected: bool) -> None:
    """The directive counts wherever it stands among others."""
    said = CIMultiDict({"cache-control": cache_control})
    assert bool(await reason("holiday.jpg", _DATA, said)) is expected


async def test_the_reason_names_the_digest() -> None:
    """What is found in the key is said."""
    assert await reason(f"{_SHA1.hexdigest()}.jpg", _DATA, {}) == (
        "the key contains the SHA-1 of the content"
    )
    assert await reason("holiday.jpg", _DATA, {}) is None


def test_a_policy_without_exact_refuses() -> None:
    """Where the policy allows no byte-exact tier, the upload stays, and the reason says so."""
    policy = Policy(name="p", bucket="b", mode="optimize", tiers=("recode", "lossless"))
    with pytest.raises(
        Refused, match=r"byte for byte \(Cache-Control says no-transform\): the policy"
    ):
        narrowed(policy, ByteExact.NO_TRANSFORM)
