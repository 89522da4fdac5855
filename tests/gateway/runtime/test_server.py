"""What a reload changes in a gateway."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.config import Settings
from slimgate.gateway.runtime.server import Server
from slimgate.gateway.s3.routing import key_target
from slimgate.gateway.storage.authorizations import Asked
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.stored_object import ManagedObject
from tests.gateway.instant_workers import manifest

_KEY: Final = key_target("photos", "k")
_SETTINGS: Final = {
    "upstream": {"endpoint": "http://127.0.0.1:9"},
    "credentials": [{"access_key": "key", "secret_key": "secret"}],
    "cache": {"authorization_ttl_s": 60},
}


async def _new_policies(server: Server) -> None:
    server.set_policies([])


@pytest.mark.parametrize("reload", [_new_policies, Server.reload_credentials])
async def test_a_reload_ends_remembered_permission(
    reload: Callable[[Server], Awaitable[None]],
) -> None:
    """Callers may have other credentials at the store from now on."""
    server = Server(Settings.model_validate(_SETTINGS))
    known, asked = server._parts.storage.authorizations, Asked.of("key", Request("HEAD", _KEY))
    told = CIMultiDictProxy(CIMultiDict({"ETag": '"stored"'}))
    found = ManagedObject(_KEY, None, manifest(10, "a" * 32), "stored", told)
    known.note(asked, found, told, known.writes(asked))
    assert known.get(asked) is not None
    await reload(server)
    assert known.get(asked) is None
