"""Issue temporary credentials of a client: ``slimgate token``."""

import json
import time
from datetime import UTC, datetime

from slimgate.config import Settings
from slimgate.gateway.http.client_credentials import ClientCredentials
from slimgate.gateway.s3.session_tokens import SessionToken


class CannotIssue(Exception):
    """The client cannot have temporary credentials; the message says why."""


def issue_token(settings: Settings, access_key: str, duration_s: int) -> str:
    """Return temporary credentials, as ``credential_process`` of AWS profiles expects them.

    Args:
        settings: Configuration with the client's credentials.
        access_key: Access key of the client.
        duration_s: Lifetime, seconds.

    Returns:
        JSON.

    Raises:
        ConfigError: The credentials file is invalid.
        CannotIssue: The client is unknown, or has temporary credentials itself.
    """
    client = ClientCredentials(settings.credentials, settings.credentials_file).find(access_key)
    if client is None:
        raise CannotIssue(f"the configuration has no credentials with the access key {access_key}")
    if client.key.session_token is not None:
        raise CannotIssue(f"{access_key} has a session token: its credentials are temporary")
    expires_s = int(time.time()) + duration_s
    token = SessionToken.issue(access_key, client.key.secret, expires_s)
    issued = {
        "Version": 1,
        "AccessKeyId": token.access_key,
        "SecretAccessKey": token.secret_key(client.key.secret),
        "SessionToken": token.text,
        "Expiration": datetime.fromtimestamp(expires_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return json.dumps(issued)
