from datetime import timedelta

import pytest

from slimgate.gateway.s3.client_keys import ClientKey, ClientKeys
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.sigv4 import Verifier, WireRequest, verify
from tests.gateway.s3.test_sigv4 import _KEY, _KEYS, _NOW, _SECRET, _changed, _presigned


@pytest.fixture
def verifier() -> Verifier:
    """Return a verifier that has seen a presigned URL."""
    made = Verifier(_KEYS)
    assert made.verify(_presigned(), _NOW) == verify(_presigned(), _KEYS, _NOW)
    return made


def _code(verifier: Verifier, request: WireRequest, seconds: float = 0) -> str:
    with pytest.raises(S3Error) as caught:
        verifier.verify(request, _NOW + timedelta(seconds=seconds))
    return caught.value.code


def test_what_is_remembered_is_the_same(verifier: Verifier) -> None:
    """A URL that was right is right again, until the very second in which it expires."""
    expected = verify(_presigned(), _KEYS, _NOW)
    assert verifier.verify(_presigned(), _NOW + timedelta(seconds=600)) == expected
    assert _code(verifier, _presigned(), 601) == "AccessDenied"
    assert _code(verifier, _presigned(), -901) == "AccessDenied"


def test_only_the_very_request_is_remembered(verifier: Verifier) -> None:
    """Another method, path, query or signed header is verified for itself, and refused."""
    request = _presigned()
    others = (
        WireRequest("PUT", request.raw_path, request.raw_query, request.headers),
        _changed(request, path="/b/other"),
        _changed(request, query=f"{request.raw_query}&versionId=1"),
        _changed(request, headers=(("Host", "elsewhere:8080"),)),
    )
    assert {_code(verifier, other) for other in others} == {"SignatureDoesNotMatch"}


def test_refusals_are_not_remembered(verifier: Verifier) -> None:
    """A URL that was refused as too early is accepted when its time comes."""
    early = Verifier(_KEYS)
    assert _code(early, _presigned(), -901) == "AccessDenied"
    assert early.verify(_presigned(), _NOW) == verifier.verify(_presigned(), _NOW)


def test_few_are_remembered() -> None:
    """The cache stays small, however many URLs are used."""
    made = Verifier(_KEYS)
    for number in range(1100):
        made.verify(_presigned(f"/b/{number}"), _NOW)
    assert len(made._cache) <= 1024
    made.verify(_presigned("/b/" + "x" * 2000), _NOW)
    assert max(len(known.raw_path) for known in made._cache) < 2000


def test_what_is_remembered_ends_with_its_key() -> None:
    """A URL that was right is refused once its key is gone, or has another secret."""
    known = {_KEY: ClientKey(_SECRET)}
    made = Verifier(ClientKeys(known.get))
    assert made.verify(_presigned(), _NOW) is not None
    known[_KEY] = ClientKey("changed")
    assert _code(made, _presigned()) == "SignatureDoesNotMatch"
    del known[_KEY]
    assert _code(made, _presigned()) == "InvalidAccessKeyId"
