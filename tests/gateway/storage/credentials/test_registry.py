"""The credentials that are kept fresh follow the configuration."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slimgate.config import Upstream, UpstreamCredentials
from slimgate.gateway.storage.credentials.registry import CredentialRegistry
from slimgate.gateway.telemetry import metrics
from tests.servers.roles import ROLE, RoleStore, role_store
from tests.servers.server import S3Server


@pytest.fixture
def roles(moto: S3Server) -> Iterator[RoleStore]:
    """Run an STS."""
    with role_store(moto) as (store, _):
        yield store


def _expiry(wanted: UpstreamCredentials) -> float:
    value: float = metrics.CREDENTIALS_EXPIRY.labels(wanted.name)._value.get()
    return value


async def test_a_role_that_is_gone_raises_no_alert(roles: RoleStore, tmp_path: Path) -> None:
    """Nothing renews it any more, so its expiry is nothing to be told of."""
    file = tmp_path / "token"
    file.write_text("web-token")
    stays, goes = (
        UpstreamCredentials(role_arn=f"{ROLE}-{name}", web_identity_token_file=str(file))
        for name in ("stays", "goes")
    )
    other = goes.model_copy(update={"session_name": "other"})
    registry = CredentialRegistry(Upstream(endpoint=roles.endpoint, sts_endpoint=roles.endpoint))
    told = list[tuple[bool, bool]]()
    for named in ([stays, goes], [stays, other], [stays]):
        registry.keep(named)
        assert await registry.not_ready_reason() is None
        told.append((_expiry(stays) < float("inf"), _expiry(goes) < float("inf")))
    await registry.close()
    assert told == [(True, True), (True, True), (True, False)]
