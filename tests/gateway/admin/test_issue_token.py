import datetime
import json
from typing import Any

import pytest

from slimgate.gateway.admin.issue_token import CannotIssue, issue_token
from slimgate.gateway.http.client_credentials import ClientCredentials
from tests.config.builders import settings

_PAIR = {"access_key": "owner", "secret_key": "secret"}


def test_what_is_issued_is_what_profiles_expect() -> None:
    """The JSON has the fields of ``credential_process``, and the gateway accepts what is in it."""
    made = settings(credentials=[_PAIR])
    issued = json.loads(issue_token(made, "owner", 900))
    assert issued["Version"] == 1
    now = datetime.datetime.now(datetime.UTC)
    lifetime = datetime.datetime.fromisoformat(issued["Expiration"]) - now
    assert datetime.timedelta(seconds=890) < lifetime <= datetime.timedelta(seconds=900)
    keys = ClientCredentials(made.credentials).keys
    found = keys.signing_key(issued["AccessKeyId"], issued["SessionToken"], now)
    assert found == ("owner", issued["SecretAccessKey"], False)


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        ({**_PAIR, "access_key": "other"}, "no credentials with the access key owner"),
        ({**_PAIR, "session_token": "token"}, "are temporary"),
    ],
)
def test_not_everybody_can_have_tokens(credential: dict[str, Any], reason: str) -> None:
    """An unknown client and a temporary one are refused, with the reason."""
    with pytest.raises(CannotIssue, match=reason):
        issue_token(settings(credentials=[credential]), "owner", 900)
