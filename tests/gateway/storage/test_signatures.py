"""Signatures of requests to the store: the same as botocore's."""

import hashlib
from dataclasses import replace
from typing import Any, Final, Literal

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.s3.canonical import escaped
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.endpoint import Endpoint
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.signing import signed

_REGION: Final = "eu-central-1"
_HASH: Final = hashlib.sha256(b"body").hexdigest()
_TEXTS: Final = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=12)
_NAMES: Final = st.sampled_from(
    ["Range", "x-amz-meta-a", "X-Amz-Acl", "User-Agent", "Expect", "traceparent", "If-Match",
     "content-type", "TE", "X-Amz-Date", "Authorization"]
)  # fmt: skip


class _Oracle(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer, with a payload hash that is given."""

    def payload(self, request: AWSRequest) -> str:
        return _HASH


def _expected(request: Request, url: URL, headers: CIMultiDict[str], who: Identity) -> Any:
    to_sign = AWSRequest(method=request.method, url=str(url), headers=dict(headers))
    credentials = Credentials(who.access_key, who.secret_key, who.session_token)
    _Oracle(credentials, "s3", _REGION).add_auth(to_sign)
    return dict(to_sign.headers.items())


_TARGETS: Final = st.builds(
    lambda bucket, key: key_target(bucket, key) if key else Target(bucket, "", ""),
    st.sampled_from(["photos", "photos.eu"]),
    _TEXTS,
)
_QUERIES: Final = st.lists(st.tuples(_TEXTS, st.none() | _TEXTS), max_size=3).map(
    lambda pairs: "&".join(
        escaped(name) if value is None else f"{escaped(name)}={escaped(value)}"
        for name, value in pairs
    )
)


@given(
    st.builds(Request, st.sampled_from(["GET", "HEAD", "PUT", "DELETE"]), _TARGETS, _QUERIES),
    st.dictionaries(_NAMES, _TEXTS),
    st.builds(Identity, st.just("key"), st.just("secret"), st.none() | st.just("token")),
    st.sampled_from(["path", "virtual"]),
)
def test_signatures_are_those_of_botocore(
    request: Request, named: dict[str, str], who: Identity, style: Literal["path", "virtual"]
) -> None:
    """The headers, the signature among them, are those that botocore makes of the same request."""
    settings = UpstreamSettings(endpoint="https://s3.test:8443", addressing=style)
    url = Endpoint(settings).url(request.target, request.query)
    request = replace(request, payload_hash=_HASH)
    headers = CIMultiDict(named, Host=url.raw_authority)
    expected = _expected(request, url, headers, who)
    found = signed(request, url, headers, who, _REGION)
    while expected["X-Amz-Date"] != found["X-Amz-Date"]:  # a new second has begun
        expected = _expected(request, url, headers, who)
        found = signed(request, url, headers, who, _REGION)
    assert dict(found.items()) == expected
