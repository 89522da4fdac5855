import base64
import datetime
import json
from typing import Any, Final

import pytest

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.post_policy import PostPolicy, read_policy

_NOW: Final = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
_LATER: Final = "2030-01-01T12:00:00.000Z"


def _encoded(document: object) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return base64.b64encode(text.encode()).decode()


def _policy(*conditions: Any, expiration: Any = _LATER) -> PostPolicy:
    return read_policy(_encoded({"expiration": expiration, "conditions": list(conditions)}))


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        ({"key": "k"}, {"key": "k"}),
        ({"Key": "k"}, {"key": "k"}),
        (["eq", "$key", "k"], {"key": "k"}),
        (["EQ", "$Key", "k"], {"key": "k"}),
        (["starts-with", "$key", "user/"], {"key": "user/a.jpg"}),
        (["starts-with", "$key", ""], {"key": ""}),
        (["starts-with", "$key", ""], {}),
        (["starts-with", "$Content-Type", "image/"], {"content-type": "image/png, image/jpeg"}),
        (["starts-with", "$key", "a"], {"key": "a,b", "x-ignore-this": "1"}),
        (["starts-with", "$key", "k"], {"key": "k", "policy": "p", "x-amz-signature": "s"}),
    ],
)
def test_conditions_hold(condition: Any, fields: dict[str, str]) -> None:
    """Fields are compared by their names in any case; some need no condition."""
    _policy(condition).check(fields, _NOW)


@pytest.mark.parametrize(
    ("condition", "fields", "message"),
    [
        ({"key": "k"}, {"key": "K"}, "Policy Condition failed"),
        ({"key": "k"}, {}, "Policy Condition failed"),
        (["starts-with", "$key", "user/"], {"key": "use"}, "Policy Condition failed"),
        (["starts-with", "$content-type", "image/"], {"content-type": "image/a,text/b"}, "failed"),
        (["eq", "$content-type", "a/b"], {"content-type": "a/b,a/b"}, "failed"),
        ({"key": "k"}, {"key": "k", "acl": "public-read"}, "Extra input fields: acl"),
        ({"key": "k"}, {"key": "k", "bucket": "b"}, "Extra input fields: bucket"),
        ({"key": "k"}, {"key": "k", "submit": "Go"}, "Extra input fields: submit"),
    ],
)
def test_conditions_fail(condition: Any, fields: dict[str, str], message: str) -> None:
    """What the signer did not permit is refused, and the message says what."""
    with pytest.raises(S3Error, match=message) as caught:
        _policy(condition).check(fields, _NOW)
    assert caught.value.code == "AccessDenied"


@pytest.mark.parametrize(
    "expiration", ["2030-01-01T00:00:00Z", "2029-12-31T23:59:59.999Z", "2030-01-01T01:00:00+02:00"]
)
def test_policies_expire(expiration: str) -> None:
    """From its expiration on, a policy permits nothing."""
    with pytest.raises(S3Error, match=r"Policy expired\."):
        _policy({"key": "k"}, expiration=expiration).check({"key": "k"}, _NOW)


@pytest.mark.parametrize(
    ("sizes", "size", "code"),
    [
        ((1, 10), 0, "EntityTooSmall"),
        ((1, 10), 1, None),
        ((1, 10), 10, None),
        ((1, 10), 11, "EntityTooLarge"),
        (("1", "10"), 11, "EntityTooLarge"),
    ],
)
def test_sizes_are_bounded(sizes: tuple[Any, Any], size: int, code: str | None) -> None:
    """The size of the file has to be within every range."""
    policy = _policy(["content-length-range", 0, 100], ["content-length-range", *sizes])
    if code is None:
        policy.check_size(size)
        return
    with pytest.raises(S3Error) as caught:
        policy.check_size(size)
    assert caught.value.code == code


_EMPTY: Final = {"expiration": _LATER, "conditions": []}


@pytest.mark.parametrize(
    "document",
    [
        "",
        "no policy",
        "[]",
        "[" * 100_000,
        '{"expiration": "2030-01-01T12:00:00Z", "conditions": [], "conditions": []}',
        '{"expiration": "2030-01-01T12:00:00Z", "conditions": [{"key": "a", "key": "b"}]}',
        {"conditions": []},
        {"expiration": _LATER},
        {**_EMPTY, "more": 1},
        {**_EMPTY, "conditions": {}},
        {**_EMPTY, "expiration": "soon"},
        {**_EMPTY, "expiration": "2030-01-01T12:00:00"},
        {**_EMPTY, "expiration": 1893456000},
        *(
            {**_EMPTY, "conditions": [each]}
            for each in (
                {}, {"a": "b", "c": "d"}, {"key": 1}, {"key": None}, [], "key", None,
                ["eq", "key", "k"], ["eq", "$key"], ["eq", "$key", 1], ["eq", "$key", "k", "k"],
                ["ends-with", "$key", "k"], [["eq"], "$key", "k"], ["content-length-range", 1],
                ["content-length-range", 1, 2, 3], ["content-length-range", -1, 2],
                ["content-length-range", 1, "x"], ["content-length-range", True, 2],
                ["content-length-range", 1.5, 2],
            )
        ),
    ],
)  # fmt: skip
def test_other_documents_are_refused(document: Any) -> None:
    """A policy that cannot be read with certainty permits nothing."""
    with pytest.raises(S3Error) as caught:
        read_policy(_encoded(document))
    assert caught.value.code == "InvalidPolicyDocument"


@pytest.mark.parametrize("encoded", ["%", "e30", "\u00fc", "gICA"])
def test_other_encodings_are_refused(encoded: str) -> None:
    """A policy is UTF-8 in base64."""
    with pytest.raises(S3Error, match="InvalidPolicyDocument"):
        read_policy(encoded)


def test_line_ends_in_a_policy() -> None:
    """Encoders fold long lines."""
    folded = base64.encodebytes(json.dumps(_EMPTY).encode()).decode()
    assert "\n" in folded.strip()
    read_policy(folded)
