import datetime
import itertools
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3.client_keys import ClientKey, ClientKeys, sent_token
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.session_tokens import SessionToken

_NOW: Final = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
_LATER: Final = int(_NOW.timestamp()) + 60
_ISSUED: Final = SessionToken.issue("owner", "secret", _LATER)
_OTHER: Final = SessionToken.issue("owner", "secret", _LATER)

_CLIENTS: Final = {
    "owner": ClientKey("secret", version_2=True),
    "temporary": ClientKey("brief", session_token="token"),
}


def _keys(**changed: ClientKey | None) -> ClientKeys:
    return ClientKeys({**_CLIENTS, **changed}.get)


def _code(access_key: str, token: str | None, keys: ClientKeys | None = None) -> str:
    with pytest.raises(S3Error) as caught:
        (keys or _keys()).signing_key(access_key, token, _NOW)
    return caught.value.code


@given(st.text("abcAKIA0123+-.", min_size=1, max_size=128), st.integers(0, 2**64 - 1))
def test_a_token_returns_from_its_text(owner: str, expires_s: int) -> None:
    """What was issued is parsed again, and belongs to its owner alone."""
    token = SessionToken.issue(owner, "secret", expires_s)
    assert SessionToken.parse(token.text) == token
    assert token.is_issued_by("secret")
    assert not token.is_issued_by("other")
    assert len(token.access_key) == 20
    assert len(token.secret_key("secret")) == 40


@given(st.binary(max_size=120))
def test_other_texts_are_no_tokens(data: bytes) -> None:
    """No text makes parsing fail, and what is not in the one spelling is none."""
    text = "slimgate1." + data.decode("latin-1")
    parsed = SessionToken.parse(text)
    assert parsed is None or parsed.text == text


def test_tokens_of_one_owner_differ() -> None:
    """Access key, secret key and token are new each time, and none tells another."""
    one, two = (
        {each.access_key, each.secret_key("secret"), each.text} for each in (_ISSUED, _OTHER)
    )
    assert len(one | two) == 6


def test_an_issued_token_signs_for_its_owner() -> None:
    """Its requests count as those of the owner, who may not extend them to version 2."""
    found = _keys().signing_key(_ISSUED.access_key, _ISSUED.text, _NOW)
    assert found == ("owner", _ISSUED.secret_key("secret"), False)


def test_a_configured_token_is_expected() -> None:
    """A pair with a session token is used with it."""
    assert _keys().signing_key("temporary", "token", _NOW) == ("temporary", "brief", False)
    assert _keys().signing_key("owner", None, _NOW) == ("owner", "secret", True)


@pytest.mark.parametrize(
    ("access_key", "token", "code"),
    [
        ("nobody", None, "InvalidAccessKeyId"),
        ("nobody", "token", "InvalidAccessKeyId"),
        ("nobody", _ISSUED.text, "InvalidToken"),
        ("owner", "token", "InvalidToken"),
        ("owner", "", "InvalidToken"),
        ("owner", _ISSUED.text, "InvalidToken"),
        ("temporary", None, "InvalidAccessKeyId"),
        ("temporary", "tokem", "InvalidToken"),
        ("temporary", "\udcff", "InvalidToken"),
        (_ISSUED.access_key, None, "InvalidAccessKeyId"),
        (_ISSUED.access_key, "token", "InvalidAccessKeyId"),
        (_ISSUED.access_key, _OTHER.text, "InvalidToken"),
        (_ISSUED.access_key, _ISSUED.text[:-4] + "AAAA", "InvalidToken"),
    ],
    ids=itertools.count(),
)
def test_wrong_tokens_are_refused(access_key: str, token: str | None, code: str) -> None:
    """A token that is missing, not expected or of another key gets the error of S3."""
    assert _code(access_key, token) == code


def test_a_forged_token_is_refused() -> None:
    """Owner and expiry are authenticated: neither can be changed."""
    for forged in (
        SessionToken("temporary", _ISSUED.expires_s, _ISSUED.nonce, _ISSUED.mac),
        SessionToken("owner", _ISSUED.expires_s + 1, _ISSUED.nonce, _ISSUED.mac),
        SessionToken("stranger", _ISSUED.expires_s, _ISSUED.nonce, _ISSUED.mac),
    ):
        assert _code(_ISSUED.access_key, forged.text) == "InvalidToken"


def test_tokens_expire() -> None:
    """A token counts until its very second."""
    expired = SessionToken.issue("owner", "secret", int(_NOW.timestamp()))
    assert _code(expired.access_key, expired.text) == "ExpiredToken"


@pytest.mark.parametrize("owner", [None, ClientKey("changed"), ClientKey("secret", "token")])
def test_the_owner_revokes_tokens(owner: ClientKey | None) -> None:
    """Without the owner, or with another secret of it, no token counts any more."""
    assert _code(_ISSUED.access_key, _ISSUED.text, _keys(owner=owner)) == "InvalidToken"


def test_a_token_is_sent_once() -> None:
    """Header and query may repeat a token, but not differ."""
    sent = [("X-Amz-Security-Token", "a")]
    assert sent_token(sent, []) == sent_token([], sent) == sent_token(sent, sent) == "a"
    assert sent_token([("x", "y")], []) is None
    with pytest.raises(S3Error, match="InvalidArgument"):
        sent_token(sent, [("x-amz-security-token", "b")])
