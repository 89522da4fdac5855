from typing import Any

import pytest
from pydantic import ValidationError

from slimgate.config.upstream_credentials import UpstreamCredentials
from tests.config.builders import SECRET, policy, settings

_PAIR = {"access_key": "a", "secret_key": SECRET}
_ROLE = {"role_arn": "arn:aws:iam::123456789012:role/x"}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (_PAIR, "key a"),
        ({**_PAIR, "session_token": "t"}, "key a"),
        (_ROLE, f"role {_ROLE['role_arn']}"),
        ({**_ROLE, "external_id": "id", "session_name": "me", "duration_s": 900}, None),
        ({**_ROLE, "web_identity_token_file": "/token"}, None),
        ({"role_arn": "arn:aws:iam:::role/ceph"}, None),
        ({"profile": "p"}, "profile p"),
        ({"chain": True}, "chain"),
    ],
)
def test_each_kind_stands_alone(given: dict[str, Any], name: str | None) -> None:
    """A fixed pair, a role, a profile and the default chain have names for logs and metrics."""
    made = UpstreamCredentials.model_validate(given)
    assert made.name == (name or f"role {made.role_arn}")
    assert (made.pair is not None) == ("access_key" in given)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "set exactly one of"),
        ({"chain": False}, "set exactly one of"),
        ({**_PAIR, **_ROLE}, "set exactly one of"),
        ({"profile": "p", "chain": True}, "set exactly one of"),
        ({"access_key": "a"}, "or neither"),
        ({**_ROLE, "session_token": "t"}, "belongs to access_key"),
        ({"chain": True, "external_id": "id"}, "needs role_arn"),
        ({"profile": "p", "duration_s": 900}, "needs role_arn"),
        ({**_ROLE, "external_id": "id", "web_identity_token_file": "/t"}, "cannot be sent with"),
        ({**_ROLE, "duration_s": 899}, "greater than or equal to 900"),
        ({"role_arn": "gateway"}, "pattern"),
        ({"profile": "a]b"}, "pattern"),
    ],
)
def test_kinds_are_not_mixed(given: dict[str, Any], reason: str) -> None:
    """What belongs to another kind is refused, with what to do."""
    with pytest.raises(ValidationError, match=reason):
        UpstreamCredentials.model_validate(given)


def test_a_credential_has_one_upstream() -> None:
    """The pair of older configurations and the group are not accepted together."""
    pair = {"upstream_access_key": "b", "upstream_secret_key": SECRET}
    with pytest.raises(ValidationError, match="remove one of the two"):
        settings(credentials=[{**_PAIR, **pair, "upstream": {"chain": True}}])


def test_credentials_are_no_part_of_what_a_policy_does() -> None:
    """The digest of a policy, which renditions record, does not depend on who signs."""
    plain, signed = (
        settings(policies=[policy(**more)]).policies[0]
        for more in ({}, {"upstream": {**_PAIR, "session_token": SECRET}})
    )
    assert plain.digest == signed.digest
    assert SECRET not in f"{signed!r} {signed.model_dump_json()}"
