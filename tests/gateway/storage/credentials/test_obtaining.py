"""Every kind of credentials is obtained as the providers of aiobotocore do it."""

import asyncio
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from aiobotocore.credentials import AioRefreshableCredentials

from slimgate.config import Upstream, UpstreamCredentials
from slimgate.gateway.storage.credentials.obtaining import obtaining
from slimgate.gateway.storage.credentials.refreshing import NotObtained, Obtained
from tests.servers.roles import ROLE, RoleStore, role_store
from tests.servers.server import S3Server, free_port, wait_until

_PAIR: Final = {"AWS_ACCESS_KEY_ID": "main", "AWS_SECRET_ACCESS_KEY": "main-secret"}


@pytest.fixture
def roles(moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RoleStore]:
    """Run STS and metadata services, with nothing else in the environment."""
    for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_SESSION_TOKEN", *_PAIR):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with role_store(moto) as (store, _):
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{store.endpoint}/")
        yield store


async def _obtained(store: RoleStore, **wanted: Any) -> Obtained:
    upstream = Upstream(endpoint=store.endpoint, sts_endpoint=store.endpoint)
    return await obtaining(UpstreamCredentials.model_validate(wanted), upstream)()


async def _reason(store: RoleStore, **wanted: Any) -> str:
    with pytest.raises(NotObtained) as caught:
        await _obtained(store, **wanted)
    return str(caught.value)


def _check(store: RoleStore, got: Obtained) -> str:
    """Check that these are the last credentials that were given; return their role."""
    (*_, issued) = store.issued.values()
    identity, expires = got
    assert (identity.access_key, identity.secret_key, identity.session_token, expires) == (
        issued.access_key, issued.secret_key, issued.token, issued.expires,
    )  # fmt: skip
    return issued.role


async def test_a_role_by_web_identity(roles: RoleStore, tmp_path: Path) -> None:
    """The token file is read at each attempt: it is renewed from outside."""
    file = tmp_path / "token"
    file.write_text("web-token\n")
    wanted = {"role_arn": ROLE, "web_identity_token_file": str(file)}
    assert _check(roles, await _obtained(roles, **wanted)) == ROLE
    roles.web_tokens = {"next"}
    file.write_text("next")
    assert _check(roles, await _obtained(roles, **wanted)) == ROLE
    file.write_text("gone")
    assert await _reason(roles, **wanted) == (
        f"role {ROLE}: could not be assumed: InvalidIdentityToken; check the web identity token "
        "and the identity provider of the account"
    )
    file.unlink()
    assert str(file) in await _reason(roles, **wanted)


async def test_a_role_with_an_external_id(
    roles: RoleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AssumeRole is signed with what the default chain finds."""
    for name, value in _PAIR.items():
        monkeypatch.setenv(name, value)
    roles.external_id = "id"
    assert _check(roles, await _obtained(roles, role_arn=ROLE, external_id="id")) == ROLE
    denied = f"role {ROLE}: could not be assumed: AccessDenied; check its trust policy"
    assert await _reason(roles, role_arn=ROLE) == denied
    assert await _reason(roles, role_arn=ROLE, external_id="other") == f"{denied} and external_id"


async def test_a_chain_of_the_environment(
    roles: RoleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fixed pairs do not expire; IRSA of EKS does, and goes to the configured STS."""
    file = tmp_path / "token"
    file.write_text("web-token")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(file))
    assert _check(roles, await _obtained(roles, chain=True)) == ROLE
    for name, value in _PAIR.items():
        monkeypatch.setenv(name, value)
    identity, expires = await _obtained(roles, chain=True)
    assert (identity.access_key, identity.session_token, expires) == ("main", None, None)


async def test_a_chain_of_an_instance(roles: RoleStore) -> None:
    """Credentials of EC2 come by IMDSv2."""
    assert _check(roles, await _obtained(roles, chain=True)).endswith("/instance")


async def test_a_chain_of_a_container(
    roles: RoleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials of ECS tasks and EKS Pod Identity come from their endpoint."""
    file = tmp_path / "token"
    file.write_text(roles.container_token)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{roles.endpoint}/container")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(file))
    assert _check(roles, await _obtained(roles, chain=True)) == "/container"


async def test_profiles(roles: RoleStore, tmp_path: Path) -> None:
    """A profile may have a pair, assume a role, or run a program; files are read each time."""
    program = tmp_path / "program.json"
    shown = {"Version": 1, "AccessKeyId": "p", "SecretAccessKey": "s", "SessionToken": "t"}
    program.write_text(json.dumps({**shown, "Expiration": "2030-01-01T00:00:00Z"}))
    (tmp_path / "config").write_text(
        f"[profile pair]\naws_access_key_id = main\naws_secret_access_key = main-secret\n"
        f"[profile role]\nrole_arn = {ROLE}\nsource_profile = pair\n"
        f"[profile program]\ncredential_process = cat {program}\n"
        f"[profile person]\nrole_arn = {ROLE}\nsource_profile = pair\nmfa_serial = me\n"
    )
    identity, expires = await _obtained(roles, profile="pair")
    assert (identity.access_key, expires) == ("main", None)
    assert _check(roles, await _obtained(roles, profile="role")) == ROLE
    identity, expires = await _obtained(roles, profile="program")
    assert (identity.access_key, expires) == ("p", 1_893_456_000.0)
    assert await _reason(roles, profile="person") == "profile person: InvalidConfigError"
    program.write_text("[]")
    assert await _reason(roles, profile="program") == "profile program: AttributeError"
    assert (await _reason(roles, profile="other")).endswith("in neither ~/.aws/config nor "
                                                            "~/.aws/credentials")  # fmt: skip
    with (tmp_path / "config").open("a") as file:
        file.write("[profile other]\naws_access_key_id = new\naws_secret_access_key = s\n")
    assert (await _obtained(roles, profile="other"))[0].access_key == "new"


async def test_a_program_that_hangs_is_ended(roles: RoleStore, tmp_path: Path) -> None:
    """Attempts that are given up leave no process behind, not even the program's own."""
    pid = tmp_path / "pid"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! > {pid}.new\nmv {pid}.new {pid}\nwait\n")
    program.chmod(0o755)
    (tmp_path / "config").write_text(
        f"[profile program]\ncredential_process = {program}\n"
        f"[profile role]\nrole_arn = {ROLE}\nsource_profile = program\n"
    )
    for profile in ("program", "role"):
        attempt = asyncio.create_task(_obtained(roles, profile=profile))
        await asyncio.to_thread(wait_until, pid.exists, "the program")
        process = psutil.Process(int(pid.read_text()))
        pid.unlink()
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        await asyncio.to_thread(wait_until, partial(_has_ended, process), "its end")


def _has_ended(process: psutil.Process) -> bool:
    """Return whether a process has ended; its parent may not look after it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_a_chain_without_credentials(roles: RoleStore) -> None:
    """Where nothing is found, the operator reads what could give some."""
    roles.works = False
    assert (await _reason(roles, chain=True)).startswith("chain: no credentials found: set AWS_")


async def test_an_sts_that_does_not_respond(roles: RoleStore, tmp_path: Path) -> None:
    """The address that was tried is named."""
    file = tmp_path / "token"
    file.write_text("web-token")
    nobody = f"http://127.0.0.1:{free_port()}"
    wanted = UpstreamCredentials(role_arn=ROLE, web_identity_token_file=str(file))
    with pytest.raises(NotObtained, match=f"{nobody} does not respond"):
        await obtaining(wanted, Upstream(endpoint=roles.endpoint, sts_endpoint=nobody))()


def test_the_private_attribute_is_there() -> None:
    """Refreshable credentials of aiobotocore have the time of expiry where it is read."""
    metadata = {"access_key": "a", "secret_key": "s", "token": "t"}
    made = AioRefreshableCredentials.create_from_metadata(
        {**metadata, "expiry_time": "2030-01-01T00:00:00Z"}, lambda: None, "test"
    )
    assert made._expiry_time.timestamp() > time.time()
