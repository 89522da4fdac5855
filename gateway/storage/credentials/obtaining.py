"""Obtain credentials for the store with the providers of aiobotocore.

This module relies on a private attribute of theirs, the time of expiry; see
``tests/gateway/storage/credentials/test_obtaining.py``.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from aiobotocore.config import AioConfig
from aiobotocore.credentials import (
    AioAssumeRoleCredentialFetcher,
    AioAssumeRoleWithWebIdentityCredentialFetcher,
    create_credential_resolver,
)
from aiobotocore.session import AioSession
from botocore.exceptions import InvalidConfigError, NoCredentialsError
from botocore.loaders import Loader
from botocore.utils import FileWebIdentityTokenLoader

from slimgate.config import Upstream, UpstreamCredentials
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.storage.credentials.failures import explained
from slimgate.gateway.storage.credentials.programs import end_hanging_programs
from slimgate.gateway.storage.credentials.refreshing import NotObtained, Obtained

_READ_TIMEOUT_S: Final = 10
_ATTEMPTS: Final = 3

# The description of the STS API is large: read it once for all sessions.
_LOADER: Final = Loader()

end_hanging_programs()


def obtaining(wanted: UpstreamCredentials, upstream: Upstream) -> Callable[[], Awaitable[Obtained]]:
    """Return a function that obtains credentials, anew with each call.

    Args:
        wanted: A role, a profile or the default chain.
        upstream: Region and STS endpoint.

    Returns:
        The function; it raises NotObtained.
    """
    return partial(_obtain, wanted, upstream)


async def _obtain(wanted: UpstreamCredentials, upstream: Upstream) -> Obtained:
    # A new session reads all files anew.
    session = _Session(upstream, wanted.profile)
    try:
        if wanted.role_arn is None:
            return await _from_chain(session)
        return await _from_role(session, wanted)
    except Exception as error:  # for malformed answers and files, providers raise anything
        raise NotObtained(explained(error, wanted, upstream)) from error


async def _from_role(session: "_Session", wanted: UpstreamCredentials) -> Obtained:
    extra = {"RoleSessionName": wanted.session_name, "DurationSeconds": wanted.duration_s}
    if wanted.web_identity_token_file is not None:
        token = FileWebIdentityTokenLoader(wanted.web_identity_token_file)
        fetcher = AioAssumeRoleWithWebIdentityCredentialFetcher(
            session.create_client, lambda: token().strip(), wanted.role_arn, extra
        )
    else:
        if wanted.external_id is not None:
            extra["ExternalId"] = wanted.external_id
        fetcher = AioAssumeRoleCredentialFetcher(
            session.create_client, await _loaded(session), wanted.role_arn, extra
        )
    found: Mapping[str, str] = await fetcher.fetch_credentials()
    identity = Identity(found["access_key"], found["secret_key"], found["token"])
    return Obtained(identity, datetime.fromisoformat(found["expiry_time"]).timestamp())


async def _from_chain(session: "_Session") -> Obtained:
    loaded = await _loaded(session)
    found = await loaded.get_frozen_credentials()
    expiry: datetime | None = getattr(loaded, "_expiry_time", None)
    identity = Identity(found.access_key, found.secret_key, found.token)
    return Obtained(identity, None if expiry is None else expiry.timestamp())


async def _loaded(session: "_Session") -> Any:
    """Return what the session's chain of providers has found."""
    _refuse_prompts(session)
    loaded = await create_credential_resolver(session).load_credentials()
    if loaded is None:
        raise NoCredentialsError
    return loaded


def _refuse_prompts(session: "_Session") -> None:
    """Refuse a profile that would ask for a code of a device on the terminal."""
    profiles: Mapping[str, Mapping[str, Any]] = session.full_config.get("profiles", {})
    name, seen = session.get_config_variable("profile") or "default", set[str]()
    while name in profiles and name not in seen:
        if "mfa_serial" in profiles[name]:
            raise InvalidConfigError(error_msg="mfa_serial needs a person")
        seen.add(name)
        name = str(profiles[name].get("source_profile", ""))


class _Session(AioSession):  # type: ignore[misc]  # aiobotocore has no types
    """A session that reaches STS where the settings say."""

    def __init__(self, upstream: Upstream, profile: str | None) -> None:
        super().__init__(profile=profile)
        self._sts_endpoint = upstream.sts_endpoint
        self.set_config_variable("region", upstream.region)
        self.register_component("data_loader", _LOADER)
        self.set_default_client_config(
            AioConfig(
                connect_timeout=upstream.connect_timeout_s,
                read_timeout=_READ_TIMEOUT_S,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            )
        )

    def create_client(self, service_name: str, *args: Any, **options: Any) -> Any:
        """Return a client; see :meth:`AioSession.create_client`."""
        if service_name == "sts" and self._sts_endpoint is not None:
            options["endpoint_url"] = self._sts_endpoint
        return super().create_client(service_name, *args, **options)
